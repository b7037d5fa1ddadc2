"""`make pace`: how soon a label's first byte is at the printer, and how many items a second go.

Two items a second for ten minutes, then ever more, until the first label is late: before a printer
that takes its time, and before one that takes none, which shows where the station itself ends.
Agent and belt, with its printer, are processes of their own. Prints a report and, with --write,
keeps it.
"""

import argparse
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beltmark.contract.documents import write_bytes
from beltmark.contract.release import Release, load_release
from beltmark.demo.processes import end, start
from beltmark.demo.station import BUNDLED, station_text
from bench.pace.conveyor import STEP_PX, film, save

_SEED = 90_003
_GOAL_MS = 100.0
_START_S = 30.0
_PACES = (2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True)
class Run:
    """What one run brought.

    Attributes:
        prints_at_once: Whether its printer takes no time.
        items_per_s: The pace.
        seconds: How long.
        fps: Pictures a second.
        items: That passed.
        decided: Items that the station decided.
        labels: Labels that came out.
        late: Labels that could not be sent in time.
        dropped: Pictures that the station did not look at.
        first_byte_ms: From the picture that decided an item to its label's first byte; float [N].
    """

    prints_at_once: bool
    items_per_s: float
    seconds: float
    fps: float
    items: int
    decided: int
    labels: int
    late: int
    dropped: int
    first_byte_ms: "np.ndarray[tuple[int], np.dtype[np.float64]]"

    @property
    def row(self) -> str:
        """A row of the report's table."""
        p50, p99 = np.percentile(self.first_byte_ms, (50, 99))
        return (
            f"| {'none' if self.prints_at_once else 'its own'} | {self.items_per_s:g} | "
            f"{self.seconds:.0f} s | {self.fps:.0f} | {self.items} | "
            f"{self.decided} | {self.labels} | {self.late} | {self.dropped} | "
            f"{p50:.0f} | {p99:.0f} |"
        )


def run(
    release: Release,
    film_path: Path,
    items_per_s: float,
    seconds: float,
    *,
    prints_at_once: bool = False,
) -> Run:
    """Runs a station before a belt of one pace."""
    with tempfile.TemporaryDirectory() as name:
        return _run(
            release, film_path, Path(name), items_per_s, seconds, prints_at_once=prints_at_once
        )


def _run(
    release: Release,
    film_path: Path,
    folder: Path,
    items_per_s: float,
    seconds: float,
    *,
    prints_at_once: bool,
) -> Run:
    record, data = folder / "record.json", folder / "data"
    belt = subprocess.Popen(
        [sys.executable, "-m", "bench.pace.conveyor", str(film_path), "--items-per-s",
         str(items_per_s), "--seconds", str(seconds), "--out", str(record),
         *(["--prints-at-once"] if prints_at_once else [])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert belt.stdin is not None
    assert belt.stdout is not None
    addresses = json.loads(belt.stdout.readline())
    station = folder / "station.toml"
    station.write_text(
        station_text(release=release.folder.resolve(), data=data, control="none", **addresses)
    )
    with (folder / "agent.log").open("w") as log:
        agent = start(
            "edge_agent.cli", "run", str(station), stdout=subprocess.DEVNULL, stderr=log.fileno()
        )
    try:
        _await_frames(data / "status.json")
        belt.stdin.write("\n")
        belt.stdin.flush()
        if belt.wait(seconds + 120.0) != 0:
            raise RuntimeError("the belt has failed")
    finally:
        end(agent, belt)
    seen = json.loads(record.read_text())
    status = json.loads((data / "status.json").read_text())
    with sqlite3.connect(data / "journal.sqlite") as journal:
        (decided,) = journal.execute("SELECT count(*) FROM items").fetchone()
        (late,) = journal.execute("SELECT count(*) FROM items WHERE rule = 'label_late'").fetchone()
        decided_at = dict(
            journal.execute("SELECT serial, captured_at FROM items WHERE serial IS NOT NULL")
        )
    first_bytes: dict[str, float] = seen["first_bytes"]
    waits = [1_000 * (at - decided_at[serial]) for serial, at in first_bytes.items()]
    return Run(
        prints_at_once,
        items_per_s,
        seen["seconds"],
        seen["fps"],
        seen["items"],
        decided,
        seen["labels"],
        late,
        status["camera"]["dropped"],
        np.array(waits),
    )


def _await_frames(status: Path) -> None:
    """Waits until the station looks at the empty belt and knows what is on it."""
    end_at = time.monotonic() + _START_S
    while time.monotonic() < end_at:
        with contextlib.suppress(FileNotFoundError):
            told = json.loads(status.read_text())
            if told["frames"] and told["may_run"]:
                return
        time.sleep(0.1)
    raise RuntimeError("the station does not start")


def runs(release: Release, seconds: float, step_seconds: float) -> Iterator[Run]:
    """The long run, then for each printer a short one for each pace until a label is late."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "film.npz"
        save(film(release.catalogue.products, _SEED), path)
        yield run(release, path, 2.0, seconds)
        for prints_at_once in (False, True):
            for pace in _PACES:
                done = run(release, path, pace, step_seconds, prints_at_once=prints_at_once)
                yield done
                if done.late:
                    break


def _highest(done: list[Run], *, prints_at_once: bool) -> str:
    """The highest pace before which no label was late."""
    own = [one for one in done if one.prints_at_once == prints_at_once]
    first_late = next((index for index, one in enumerate(own) if one.late), len(own))
    if first_late == 0:
        return "below all that were tried"
    beyond = "" if first_late < len(own) else ", the highest that was tried"
    return f"{own[first_late - 1].items_per_s:g} items a second{beyond}"


def report(release: Release, done: list[Run]) -> str:
    """Writes the report."""
    sustained = done[0]
    p50, p99 = np.percentile(sustained.first_byte_ms, (50, 99))
    verdict = "met" if p99 <= _GOAL_MS else "**missed**"
    line_px = 0.6 * 480
    return "\n".join(
        (
            "# From the item to the first byte at the printer",
            "",
            f"Release `{release.name}`, {os.cpu_count()} cores; agent, belt and printer share "
            "them, each a process of its own. Made with `make pace`.",
            "",
            f"An item is decided when it crosses the decision line, {line_px:.0f} px into the "
            f"zone: {line_px / STEP_PX:.0f} pictures that vote. What counts is the time after "
            "them: from the exposure of the picture that decided to the label's first byte at the "
            "printer, through decoding, model, decision, two commits to the disk and two questions "
            "to the printer.",
            "",
            f"**At 2 items a second for {sustained.seconds:.0f} s: p50 {p50:.0f} ms, "
            f"p99 {p99:.0f} ms** (goal: p99 ≤ {_GOAL_MS:g} ms, {verdict}).",
            "",
            "Highest pace before the first late label (not sent within a second of its decision): "
            f"**{_highest(done, prints_at_once=False)}** with a printer that takes its time for a "
            "label, and the next is not sent before the counter has moved; "
            f"{_highest(done, prints_at_once=True)} with one that takes none.",
            "",
            "| print time | items/s | run | pictures/s | passed | decided | labels | late | "
            "pictures dropped | p50 ms | p99 ms |",
            "|---|---|---|---|---|---|---|---|---|---|---|",
            *(one.row for one in done),
            "",
        )
    )


def main() -> int:
    """Measures and reports."""
    parser = argparse.ArgumentParser(prog="python -m bench.pace", description=__doc__)
    parser.add_argument("--release", type=Path, default=BUNDLED / "release")
    parser.add_argument("--seconds", type=float, default=600, help="of the sustained run")
    parser.add_argument("--step-seconds", type=float, default=30, help="of each higher pace")
    parser.add_argument("--write", type=Path, help="keep the report in this file")
    arguments = parser.parse_args()
    release = load_release(arguments.release)
    done: list[Run] = []
    for one in runs(release, arguments.seconds, arguments.step_seconds):
        print(one.row, flush=True)
        done.append(one)
    text = report(release, done)
    print(text)
    if arguments.write:
        write_bytes(arguments.write, text.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
