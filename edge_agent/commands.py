"""What each command of `beltmark-edge` does with its arguments: asks others, and prints.

Each loads what it needs when it is called, so that asking for help stays quick.
"""

import argparse
import logging
import signal
import sys
import time
from typing import Final

_MAX_TOKEN_CHARACTERS: Final = 1_000


def run(arguments: argparse.Namespace) -> int:
    """Runs a station until it is stopped: 0, or 1 where it died."""
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


def journal(arguments: argparse.Namespace) -> int:
    """Lists the items of a station."""
    from edge_agent import console  # noqa: PLC0415
    from edge_agent.printing.reading import read_items  # noqa: PLC0415
    from edge_agent.settings import read_settings  # noqa: PLC0415

    settings = read_settings(arguments.station)
    if not settings.journal_path.exists():
        print(f"{settings.journal_path}: no journal yet", file=sys.stderr)
    for item in read_items(settings.journal_path, arguments.last):
        print(item.model_dump_json() if arguments.json else console.item_line(item))
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Says what is wrong with a station: 0, or 2 where anything is."""
    from edge_agent.doctor import examine  # noqa: PLC0415

    # What is wrong is told by the findings, not by the log as well.
    logging.basicConfig(handlers=[logging.NullHandler()])
    is_well = True
    for finding in examine(arguments.station):
        print(f"{finding.part:<9} {'ok   ' if finding.is_well else 'FAULT'} {finding.told}")
        sys.stdout.flush()
        is_well = is_well and finding.is_well
    return 0 if is_well else 2


def enrol(arguments: argparse.Namespace) -> int:
    """Joins a fleet."""
    from beltmark.contract.errors import InputError  # noqa: PLC0415
    from edge_agent.identity.enrolling import enrol_station, identity_folder  # noqa: PLC0415
    from edge_agent.settings import named_after, read_settings  # noqa: PLC0415

    settings = read_settings(arguments.station)
    server = arguments.server
    if server is None and settings.fleet is not None:
        server = settings.fleet.server
    if server is None:
        raise InputError("names no fleet", "give --server URL", file=arguments.station)
    text = sys.stdin.read(_MAX_TOKEN_CHARACTERS) if arguments.token == "-" else arguments.token
    name, folder = settings.station.name, identity_folder(settings.station.data)
    with named_after(arguments.station):
        identity = enrol_station(folder, name, text, server)
    until = time.strftime("%Y-%m-%d", time.localtime(identity.expires_at))
    print(f"{name}: enrolled; its certificate holds until {until}, and is renewed before that")
    return 0


def release(arguments: argparse.Namespace) -> int:
    """Tells the station's agent that something was seen to."""
    from edge_agent.hand_command import release_belt, user  # noqa: PLC0415

    release_belt(arguments.station, arguments.what, user())
    return 0


def rehearse(arguments: argparse.Namespace) -> int:
    """Walks the fallback ladder: 0, or 2 where a rung does not hold."""
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


def explain(arguments: argparse.Namespace) -> int:
    """Says why an item was decided as it was."""
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


def report(arguments: argparse.Namespace) -> int:
    """Prints a shift's accounts: 0, or 1 where they do not balance."""
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


def void(arguments: argparse.Namespace) -> int:
    """Declares an item's label void."""
    from edge_agent.hand_command import user, void_label  # noqa: PLC0415

    who = arguments.by or user()
    print(void_label(arguments.station, arguments.item, arguments.reason, who))
    return 0


def reprint(arguments: argparse.Namespace) -> int:
    """Prints an item's label anew, or says that it was taken."""
    from edge_agent.hand_command import reprint_label, take_label, user  # noqa: PLC0415

    who = arguments.by or user()
    if arguments.taken:
        print(take_label(arguments.station, arguments.item, who))
    else:
        print(reprint_label(arguments.station, arguments.item, arguments.sku, who))
    return 0


def target(arguments: argparse.Namespace) -> int:
    """Writes the calibration target."""
    from edge_agent.calibration.command import write_target  # noqa: PLC0415

    print(write_target(arguments.out, arguments.paper))
    return 0


def calibrate(arguments: argparse.Namespace) -> int:
    """Measures the belt with the target on it."""
    from edge_agent.calibration.command import calibrate_station  # noqa: PLC0415

    picture, square_mm = arguments.picture, arguments.square_mm
    for line in calibrate_station(arguments.station, picture, square_mm):
        print(line)
    return 0
