"""`make demo`: three simulated stations with the real agent, and the fleet server that sees them.

Each is a process of its own. After a third of its time a new release is signed and pushed, and the
stations swap it in between two items. The last line counts over all stations: what passed, and what
was missed, wrong or doubled, comes from the belts' truth and the printers' own record; only items,
labels and reviews are the agents' own word.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from beltmark.demo.fleet import DemoFleet
from beltmark.demo.station import Counts, DemoStation

STATIONS = 3
RUN_OUT_S = 40.0
SWAP_S = 60.0
"""How long stations that are still busy with the new release are waited for, their belts empty."""
PUSH_AFTER_S = 45.0
"""When a demo without an end pushes its release."""

# Ctrl-C, the system's wish, and a terminal that was closed.
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):  # noqa: N818 - it is the user's wish, not an error
    """The user or the system asked the demo to end."""


def main(argv: list[str] | None = None) -> int:
    """Runs the demo; returns 0 if every item that passed got its one right outcome."""
    parser = argparse.ArgumentParser(prog="python -m beltmark.demo", description=__doc__)
    parser.add_argument("--seconds", type=float, help="end after this time (default: on Ctrl-C)")
    parser.add_argument("--seed", type=int, default=7, help="which items pass (default: 7)")
    parser.add_argument("--keep", type=Path, help="folder to keep journals, labels and truth in")
    arguments = parser.parse_args(argv)
    for number in _STOPS:
        signal.signal(number, _stop)

    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="beltmark-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return _run(folder.resolve(), arguments.seconds, arguments.seed)
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, seconds: float | None, seed: int) -> int:
    fleet: DemoFleet | None = None
    stations: list[DemoStation] = []
    is_stopped, pushed = False, ""
    try:
        # The belts stand until an agent gives the permit: their time begins with it.
        for number in range(1, STATIONS + 1):
            name = f"station-{number}"
            stations.append(DemoStation(name, folder / name, seed + number, seconds or 0))
        fleet = DemoFleet(folder)
        if not (fleet.await_start() and all(station.await_belt() for station in stations)):
            print("demo: the server or a simulated belt did not start", file=sys.stderr)
            return 1
        print(f"\nThe fleet's page: {fleet.page}\n", flush=True)
        for station in stations:
            station.start_agent(fleet.section)
        pushed = _attend(fleet, stations, seconds)
    except Stopped:
        is_stopped = True
    except subprocess.CalledProcessError as error:
        print(f"demo: {' '.join(error.cmd[2:])} ended with {error.returncode}", file=sys.stderr)
    finally:
        # From here on it ends by itself: an impatient second Ctrl-C must leave nothing running.
        for number in _STOPS:
            signal.signal(number, signal.SIG_IGN)
        swapped = _end(fleet, stations, pushed)
    if pushed:
        print(f"{swapped} of {len(stations)} stations run {pushed}", flush=True)
    return _report(stations, is_stopped=is_stopped)


def _attend(fleet: DemoFleet, stations: Sequence[DemoStation], seconds: float | None) -> str:
    """Waits until the belts have run empty and the stations have swapped in the release.

    It is pushed on the way; returns its name.
    """
    pushed = ""
    begun = time.monotonic()
    push_at = begun + (PUSH_AFTER_S if seconds is None else seconds / 3)
    end_at = None if seconds is None else begun + seconds + RUN_OUT_S
    while not (fleet.has_ended or any(station.has_ended for station in stations)):
        now = time.monotonic()
        if not pushed and now >= push_at:
            pushed = fleet.push_next_release()
            print(f"\nPushed {pushed}: the stations swap it in between two items\n", flush=True)
        if end_at is not None and now > end_at:
            print("demo: the belts did not run empty in time", file=sys.stderr)
            break
        time.sleep(0.2)
    # The others run empty at about the same time.
    _await(lambda: all(station.has_ended for station in stations), RUN_OUT_S)
    if pushed and not fleet.has_ended:
        # A trial takes a moment, and longer where the processor is busy.
        _await(lambda: set(fleet.running().values()) == {pushed}, SWAP_S)
    return pushed


def _await(is_so: Callable[[], bool], seconds: float) -> None:
    patience = time.monotonic() + seconds
    while not is_so() and time.monotonic() < patience:
        time.sleep(0.2)


def _end(fleet: DemoFleet | None, stations: Sequence[DemoStation], pushed: str) -> int:
    """Ends everything in order; returns how many stations run the release that was pushed."""
    swapped = 0
    if fleet is not None and pushed:
        swapped = sum(release == pushed for release in fleet.running().values())
    for station in stations:
        station.end_agent()
    for station in stations:
        station.end_belt()
    if fleet is not None:
        fleet.end()
    return swapped


def _report(stations: Sequence[DemoStation], *, is_stopped: bool) -> int:
    """Prints the last line; returns the exit code."""
    failed = [station for station in stations if station.exit_code not in (0, None)]
    for station in failed:
        print(f"demo: {station.name} ended with exit code {station.exit_code}", file=sys.stderr)
    counted = [counts for station in stations if (counts := station.counts()) is not None]
    if not counted:
        print("demo: ended before anything passed", file=sys.stderr)
        return 0 if is_stopped else 1
    total = sum(counted, Counts())
    print(total, flush=True)
    is_good = total.are_good and len(counted) == len(stations) and not failed
    return 0 if is_good and (total.passed or is_stopped) else 1


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
