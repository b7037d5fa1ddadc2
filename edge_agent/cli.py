"""`beltmark-edge`: runs a station, lists its journal, checks what it is made of.

Reads arguments and prints; each command loads what it needs when it is called, so that asking for
help stays quick.
"""

import argparse
import logging
import os
import signal
import sys
from pathlib import Path

from beltmark.command import between, run_command, seconds, whole
from beltmark.contract.errors import InputError

MAX_PICTURE_PIXELS = 64 * 1024 * 1024


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0 done, 1 agent died, 2 bad input, 130 Ctrl-C."""
    # Read by OpenCV when it is loaded: a few bytes can claim to be a picture of gigabytes.
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PICTURE_PIXELS))
    return run_command(_parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="beltmark-edge", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run a station until it is stopped")
    _add_station(run)
    run.add_argument("--seconds", type=seconds, help="end after this time")
    run.add_argument("--quiet", action="store_true", help="only say what is wrong")
    run.set_defaults(command=_run)

    journal = commands.add_parser("journal", help="list the items of a station")
    _add_station(journal)
    journal.add_argument("--json", action="store_true", help="one JSON object a line")
    journal.add_argument(
        "--last",
        type=whole(1, 1_000_000),
        default=1_000,
        metavar="N",
        help="at most so many (default: 1000)",
    )
    journal.set_defaults(command=_journal)

    check = commands.add_parser("check", help="say what is wrong with a station; exit code 0 or 2")
    _add_station(check)
    check.set_defaults(command=_check)

    release = commands.add_parser(
        "release", help="say that what the belt stands for was seen to by a person"
    )
    _add_station(release)
    release.add_argument(
        "what",
        choices=("divert", "applicator", "scan"),
        help="divert: the items are off the belt; applicator: no label lies there any more; scan: "
        "the items with wrong labels were looked at",
    )
    release.set_defaults(command=_release)

    rehearse = commands.add_parser(
        "rehearse",
        help="walk each rung of the fallback ladder on a recording; exit code 2 where one fails",
    )
    _add_station(rehearse)
    rehearse.add_argument(
        "--recording",
        type=Path,
        metavar="FILE",
        help="a video, or a folder of pictures, by this camera (default: record what passes now)",
    )
    rehearse.add_argument(
        "--seconds",
        type=between(1, 3_600),
        default=20.0,
        metavar="N",
        help="how long to record (default: 20)",
    )
    rehearse.set_defaults(command=_rehearse)

    explain = commands.add_parser("explain", help="say why an item was decided as it was")
    _add_station(explain)
    explain.add_argument("item", metavar="ITEM", help="its name, the beginning of it, or `last`")
    explain.add_argument("--out", type=Path, metavar="PICTURE.png", help="draw it as well")
    explain.set_defaults(command=_explain)

    report = commands.add_parser(
        "report", help="the accounts of a shift; exit code 0 where they balance, else 1"
    )
    _add_station(report)
    report.add_argument("--from", dest="begin", metavar="TIME", help="2026-11-25T06:00, or 06:00")
    report.add_argument("--to", dest="end", metavar="TIME", help="likewise (default: now)")
    report.add_argument(
        "--hours",
        type=between(0.01, 24 * 366),
        default=8.0,
        metavar="N",
        help="how long, where only one end is given (default: 8)",
    )
    report.add_argument("--json", action="store_true", help="one JSON object")
    report.add_argument("--html", type=Path, metavar="FILE", help="write it as a page as well")
    report.set_defaults(command=_report)

    _add_by_hand(commands)

    target = commands.add_parser("target", help="write the calibration target, to be printed")
    target.add_argument("out", type=Path, metavar="OUT", help="a file that ends in .pdf or .png")
    target.add_argument("--paper", choices=("a4", "a3", "letter"), default="a4")
    target.set_defaults(command=_target)

    calibrate = commands.add_parser(
        "calibrate", help="measure the belt with the target on it: where a pixel lies, in mm"
    )
    _add_station(calibrate)
    calibrate.add_argument(
        "--picture", type=Path, metavar="FILE", help="a photo by this camera (default: take one)"
    )
    calibrate.add_argument(
        "--square-mm",
        type=between(1, 1_000),
        default=25.0,
        metavar="MM",
        help="side of the target's squares as measured on paper (default: 25; a3: 35)",
    )
    calibrate.set_defaults(command=_calibrate)
    return parser


def _add_station(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("station", type=Path, metavar="STATION.toml", help="the station file")


def _add_by_hand(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """What a person does about an item's label."""
    void = commands.add_parser("void", help="declare an item's label void, by a person's word")
    _add_station(void)
    void.add_argument("item", metavar="ITEM", help="its name, the beginning of it, or `last`")
    void.add_argument("--reason", required=True, metavar="TEXT", help="why, for the record")
    _add_who(void)
    void.set_defaults(command=_void)

    reprint = commands.add_parser(
        "reprint", help="print an item's label anew into a person's hand; the belt stands meanwhile"
    )
    _add_station(reprint)
    reprint.add_argument("item", metavar="ITEM", help="its name, the beginning of it, or `last`")
    reprint.add_argument("--sku", help="what it is, where that is not known or wrong")
    reprint.add_argument(
        "--taken", action="store_true", help="say that the label is off the printer"
    )
    _add_who(reprint)
    reprint.set_defaults(command=_reprint)


def _add_who(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", metavar="NAME", help="who says so (default: the user)")


def _run(arguments: argparse.Namespace) -> int:
    from edge_agent import console  # noqa: PLC0415
    from edge_agent.app import open_agent  # noqa: PLC0415
    from edge_agent.settings import named_after, read_settings  # noqa: PLC0415

    console.set_up_logging(quiet=arguments.quiet)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until there is something to end
    settings = read_settings(arguments.station)
    show = console.pass_over if arguments.quiet else console.show_decisions
    with named_after(arguments.station):
        agent = open_agent(settings, show)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: agent.stop())
    return 0 if agent.run(arguments.seconds) else 1


def _journal(arguments: argparse.Namespace) -> int:
    from edge_agent import console  # noqa: PLC0415
    from edge_agent.printing.reading import read_items  # noqa: PLC0415
    from edge_agent.settings import read_settings  # noqa: PLC0415

    settings = read_settings(arguments.station)
    if not settings.journal_path.exists():
        print(f"{settings.journal_path}: no journal yet", file=sys.stderr)
    for item in read_items(settings.journal_path, arguments.last):
        print(item.model_dump_json() if arguments.json else console.item_line(item))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from edge_agent.doctor import examine  # noqa: PLC0415

    # What is wrong is told by the findings, not by the log as well.
    logging.basicConfig(handlers=[logging.NullHandler()])
    is_well = True
    for finding in examine(arguments.station):
        print(f"{finding.part:<9} {'ok   ' if finding.is_well else 'FAULT'} {finding.told}")
        sys.stdout.flush()
        is_well = is_well and finding.is_well
    return 0 if is_well else 2


def _release(arguments: argparse.Namespace) -> int:
    from edge_agent.outputs.request import ask_for_release  # noqa: PLC0415
    from edge_agent.printing.journal_lock import is_in_use  # noqa: PLC0415
    from edge_agent.settings import read_settings  # noqa: PLC0415

    settings = read_settings(arguments.station)
    if not is_in_use(settings.journal_path):
        raise InputError("no agent runs here", "start it first", file=arguments.station)
    ask_for_release(settings.station.data, arguments.what)
    return 0


def _rehearse(arguments: argparse.Namespace) -> int:
    from edge_agent.fallback.rehearsal import rehearse  # noqa: PLC0415
    from edge_agent.settings import named_after, read_settings  # noqa: PLC0415

    logging.basicConfig(handlers=[logging.NullHandler()])
    settings = read_settings(arguments.station)
    is_well = True
    with named_after(arguments.station):
        for held in rehearse(settings, arguments.recording, arguments.seconds):
            word = {"ok": "ok", "fault": "FAULT", "absent": "-"}[held.state]
            print(f"{held.rung:<9} {word:<5} {held.told}", flush=True)
            is_well = is_well and held.state != "fault"
    return 0 if is_well else 2


def _explain(arguments: argparse.Namespace) -> int:
    from edge_agent.explain import explained  # noqa: PLC0415
    from edge_agent.explain_picture import write_explanation  # noqa: PLC0415
    from edge_agent.printing.reading import read_item  # noqa: PLC0415
    from edge_agent.settings import read_settings  # noqa: PLC0415

    settings = read_settings(arguments.station)
    record = read_item(settings.journal_path, arguments.item)
    for line in explained(record):
        print(line)
    if arguments.out is not None:
        for missing in write_explanation(record, settings, arguments.out):
            print(f"picture: {missing}", file=sys.stderr)
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from datetime import datetime  # noqa: PLC0415

    from edge_agent.accounts.command import shift_report  # noqa: PLC0415

    is_balanced, lines = shift_report(
        arguments.station,
        datetime.now().astimezone(),
        begin=arguments.begin,
        end=arguments.end,
        hours=arguments.hours,
        is_json=arguments.json,
        page=arguments.html,
    )
    for line in lines:
        print(line)
    return 0 if is_balanced else 1


def _void(arguments: argparse.Namespace) -> int:
    from edge_agent.printing.hand_command import user, void_label  # noqa: PLC0415

    who = arguments.by or user()
    print(void_label(arguments.station, arguments.item, arguments.reason, who))
    return 0


def _reprint(arguments: argparse.Namespace) -> int:
    from edge_agent.printing.hand_command import reprint_label, take_label, user  # noqa: PLC0415

    who = arguments.by or user()
    if arguments.taken:
        print(take_label(arguments.station, arguments.item, who))
    else:
        print(reprint_label(arguments.station, arguments.item, arguments.sku, who))
    return 0


def _target(arguments: argparse.Namespace) -> int:
    from edge_agent.calibration.command import write_target  # noqa: PLC0415

    print(write_target(arguments.out, arguments.paper))
    return 0


def _calibrate(arguments: argparse.Namespace) -> int:
    from edge_agent.calibration.command import calibrate_station  # noqa: PLC0415

    picture, square_mm = arguments.picture, arguments.square_mm
    for line in calibrate_station(arguments.station, picture, square_mm):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
