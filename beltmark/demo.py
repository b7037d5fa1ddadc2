"""`make demo`: a simulated belt, camera and printer, and the real agent that labels what passes.

Starts both as processes of their own, shows what the agent says, and ends with one line of counts.
What passed, and what was missed, wrong or doubled, is counted from the belt's truth and the
printer's own record; only items, labels and reviews are the agent's own word.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn

BUNDLED = Path(__file__).parent / "bundled"
START_TIMEOUT_S = 30.0
RUN_OUT_S = 30.0
STOP_TIMEOUT_S = 15.0

STATION = """\
[station]
name = "demo"
release = "{release}"
data = "{data}"

[camera]
source = "{camera}"

[zone]
rect_xyxy_px = [0, 0, 480, 320]
travel = "right"
decide_at = 0.6

[printer]
address = "{printer}"
label_deadline_s = 1.0
hold_after_s = 0.5

[outputs]
run_permit = "{control}"
divert = "{control}"
"""


class Stopped(Exception):  # noqa: N818 - it is the user's wish, not an error
    """The user or the system asked the demo to end."""


def main(argv: list[str] | None = None) -> int:
    """Runs the demo; returns 0 if every item that passed got its one right outcome."""
    parser = argparse.ArgumentParser(prog="python -m beltmark.demo", description=__doc__)
    parser.add_argument("--seconds", type=float, help="end after this time (default: on Ctrl-C)")
    parser.add_argument("--seed", type=int, default=7, help="which items pass (default: 7)")
    parser.add_argument("--keep", type=Path, help="folder to keep journal, labels and truth in")
    arguments = parser.parse_args(argv)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)

    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="beltmark-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return _run(folder.resolve(), arguments.seconds, arguments.seed)
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, seconds: float | None, seed: int) -> int:
    truth, station = folder / "truth.json", folder / "station.toml"
    belt: subprocess.Popen[str] | None = None
    agent: subprocess.Popen[str] | None = None
    is_stopped = False
    try:
        belt = _start(
            "beltmark.simulation.cli", "station", "--seed", str(seed),
            "--seconds", str(seconds or 0), "--truth", str(truth), stdout=subprocess.PIPE,
        )  # fmt: skip
        assert belt.stdout is not None
        line = belt.stdout.readline()
        if not line:
            print("demo: the simulated station did not start", file=sys.stderr)
            return 1
        addresses = json.loads(line)
        station.write_text(_station_file(folder, addresses))
        print(f"camera picture: {addresses['camera']} (open it in a browser)", flush=True)
        agent = _start("edge_agent.cli", "run", str(station))
        _wait_for_end(belt, agent, seconds)
    except Stopped:
        is_stopped = True
    finally:
        # From here on it ends by itself: an impatient second Ctrl-C must leave nothing running.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        # The agent ends first: it stops the belt, and settles what is on it.
        for process in (agent, belt):
            if process is not None:
                _end(process)
    if agent is not None and agent.returncode != 0:
        print(f"demo: the agent ended with exit code {agent.returncode}", file=sys.stderr)
        return 1
    if agent is None or not truth.exists():
        print("demo: ended before anything passed", file=sys.stderr)
        return 0 if is_stopped else 1
    verdict = json.loads(truth.read_text())["verdict"]
    _report(station, verdict)
    is_good = not (verdict["missed"] or verdict["wrong"] or verdict["duplicates"])
    return 0 if is_good and (verdict["passed"] or is_stopped) else 1


def _station_file(folder: Path, addresses: dict[str, str]) -> str:
    return STATION.format(
        release=BUNDLED / "release",
        data=folder / "data",
        camera=addresses["camera"],
        printer=addresses["printer"],
        control=addresses["control"],
    )


def _wait_for_end(
    belt: subprocess.Popen[str], agent: subprocess.Popen[str], seconds: float | None
) -> None:
    """Waits until the belt has run empty; one that dies before ends the demo at once."""
    is_empty = threading.Event()

    def listen() -> None:
        assert belt.stdout is not None
        belt.stdout.readline()  # its next line says that it is empty; its end, too, ends the wait
        is_empty.set()

    threading.Thread(target=listen, daemon=True).start()
    end = None if seconds is None else time.monotonic() + seconds + RUN_OUT_S
    while not is_empty.wait(0.25) and agent.poll() is None:
        if end is not None and time.monotonic() > end:
            print("demo: the belt did not run empty in time", file=sys.stderr)
            return


def _report(station: Path, verdict: Mapping[str, int]) -> None:
    """Prints the last line: the agent's own counts, and what belt and printer say."""
    listing = subprocess.run(
        [sys.executable, "-m", "edge_agent.cli", "journal", str(station), "--json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=START_TIMEOUT_S,
    )
    items = [json.loads(line) for line in listing.stdout.splitlines()]
    outcomes = Counter(item["outcome"] for item in items)
    labels = sum(item["print_state"] == "printed" for item in items)
    print(
        f"passed={verdict['passed']} items={len(items)} labels={labels} "
        f"reviews={outcomes['REVIEW']} missed={verdict['missed']} wrong={verdict['wrong']} "
        f"duplicates={verdict['duplicates']}"
    )


def _start(module: str, *arguments: str, stdout: int | None = None) -> subprocess.Popen[str]:
    # A session of its own: Ctrl-C reaches this process alone, which then ends the others in order.
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments], stdout=stdout, text=True, start_new_session=True
    )


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
