"""`beltmark-edge`: runs a station, lists its journal, checks what it is made of.

Reads arguments; what each command does is in `commands`.
"""

import argparse
import sys
from pathlib import Path

from beltmark.command import between, limit_pictures, run_command, seconds, whole
from edge_agent import commands


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0 done, 1 agent died, 2 bad input, 130 Ctrl-C."""
    limit_pictures()
    return run_command(_parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="beltmark-edge", description=__doc__)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    run = subparsers.add_parser("run", help="run a station until it is stopped")
    _add_station(run)
    run.add_argument("--seconds", type=seconds, help="end after this time")
    run.add_argument("--quiet", action="store_true", help="only say what is wrong")
    run.set_defaults(command=commands.run)

    journal = subparsers.add_parser("journal", help="list the items of a station")
    _add_station(journal)
    journal.add_argument("--json", action="store_true", help="one JSON object a line")
    journal.add_argument(
        "--last",
        type=whole(1, 1_000_000),
        default=1_000,
        metavar="N",
        help="at most so many (default: 1000)",
    )
    journal.set_defaults(command=commands.journal)

    check = subparsers.add_parser(
        "check", help="say what is wrong with a station; exit code 0 or 2"
    )
    _add_station(check)
    check.set_defaults(command=commands.check)

    release = subparsers.add_parser(
        "release", help="say that what the belt stands for was seen to by a person"
    )
    _add_station(release)
    release.add_argument(
        "what",
        choices=("divert", "applicator", "scan"),
        help="divert: the items are off the belt; applicator: no label lies there any more; scan: "
        "the items with wrong labels were looked at",
    )
    release.set_defaults(command=commands.release)

    rehearse = subparsers.add_parser(
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
    rehearse.set_defaults(command=commands.rehearse)

    explain = subparsers.add_parser("explain", help="say why an item was decided as it was")
    _add_station(explain)
    explain.add_argument("item", metavar="ITEM", help="its name, the beginning of it, or `last`")
    explain.add_argument("--out", type=Path, metavar="PICTURE.png", help="draw it as well")
    explain.set_defaults(command=commands.explain)

    report = subparsers.add_parser(
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
    report.set_defaults(command=commands.report)

    _add_by_hand(subparsers)
    _add_enrol(subparsers)

    target = subparsers.add_parser("target", help="write the calibration target, to be printed")
    target.add_argument("out", type=Path, metavar="OUT", help="a file that ends in .pdf or .png")
    target.add_argument("--paper", choices=("a4", "a3", "letter"), default="a4")
    target.set_defaults(command=commands.target)

    calibrate = subparsers.add_parser(
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
    calibrate.set_defaults(command=commands.calibrate)
    return parser


def _add_station(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("station", type=Path, metavar="STATION.toml", help="the station file")


def _add_enrol(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    enrol = subparsers.add_parser(
        "enrol", help="join a fleet with the one-time token that beltmark-fleet enrol made"
    )
    _add_station(enrol)
    enrol.add_argument("token", metavar="TOKEN", help="the token; - reads it from standard input")
    enrol.add_argument(
        "--server", metavar="URL", help="the fleet server (default: the station file's)"
    )
    enrol.set_defaults(command=commands.enrol)


def _add_by_hand(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """What a person does about an item's label."""
    void = subparsers.add_parser("void", help="declare an item's label void, by a person's word")
    _add_station(void)
    void.add_argument("item", metavar="ITEM", help="its name, the beginning of it, or `last`")
    void.add_argument("--reason", required=True, metavar="TEXT", help="why, for the record")
    _add_who(void)
    void.set_defaults(command=commands.void)

    reprint = subparsers.add_parser(
        "reprint", help="print an item's label anew into a person's hand; the belt stands meanwhile"
    )
    _add_station(reprint)
    reprint.add_argument("item", metavar="ITEM", help="its name, the beginning of it, or `last`")
    reprint.add_argument("--sku", help="what it is, where that is not known or wrong")
    reprint.add_argument(
        "--taken", action="store_true", help="say that the label is off the printer"
    )
    _add_who(reprint)
    reprint.set_defaults(command=commands.reprint)


def _add_who(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", metavar="NAME", help="who says so (default: the user)")


if __name__ == "__main__":
    sys.exit(main())
