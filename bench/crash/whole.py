"""Kills whole agents: `beltmark-edge run` before a rendered belt, each a process, at random times.

Slower than the rounds by far, but nothing is told to the agent that a station would not tell it.
"""

import json
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from beltmark.demo.processes import LineListener, end, start
from beltmark.demo.station import BUNDLED, station_text
from beltmark.simulation.verdict import Marking, Verdict
from bench.crash.judging import RoundResult, RoundTruth, judge_round

_LIFE_S = (0.3, 6.0)
_START_UP_S = 0.5
_RUN_EMPTY_S = 150.0
_END_S = 30.0


def run_whole(seed: int, kills: int, folder: Path) -> RoundResult:
    """Kills an agent so often, in an empty folder; then lets the belt run empty."""
    result, chance = RoundResult(number=-1), random.Random(f"whole {seed}")
    lives_s = [chance.uniform(*_LIFE_S) for _ in range(kills)]
    truth_file = folder / "truth.json"
    belt = start(
        "beltmark.simulation.cli", "station", "--seed", str(seed),
        "--seconds", str(sum(lives_s) + 10), "--truth", str(truth_file), stdout=subprocess.PIPE,
    )  # fmt: skip
    agent: subprocess.Popen[str] | None = None
    try:
        assert belt.stdout is not None
        addresses = json.loads(belt.stdout.readline())
        LineListener(belt)
        station = folder / "station.toml"
        text = station_text(release=BUNDLED / "release", data=folder / "data", **addresses)
        station.write_text(text)
        for life_s in lives_s:
            agent = _start(station)
            # It needs some time to load; the kill may well come in the midst of that.
            time.sleep(_START_UP_S + life_s)
            if agent.poll() is not None:
                result.problems.append(f"an agent ended by itself with code {agent.returncode}")
            agent.kill()
            agent.wait()
            result.kills["a whole agent, at a random time"] += 1
        agent = _start(station)
        try:
            belt.wait(_RUN_EMPTY_S)
        except subprocess.TimeoutExpired:
            result.problems.append("the belt did not run empty")
        agent.send_signal(signal.SIGTERM)
        if (code := agent.wait(_END_S)) != 0:
            result.problems.append(f"the last agent ended with code {code}")
    finally:
        end(agent, belt)
    truth = _truth(json.loads(truth_file.read_text()))
    judge_round(result, truth, folder / "data" / "journal.sqlite")
    return result


def _start(station: Path) -> "subprocess.Popen[str]":
    with (station.parent / "log.txt").open("a") as log:
        return start("edge_agent.cli", "run", str(station), "--quiet", stderr=log.fileno())


def _truth(document: dict[str, Any]) -> RoundTruth:
    printed, items = document["printed"], document["items"]
    return RoundTruth(
        verdict=Verdict(**document["verdict"]),
        dropped=sum(label["item_id"] is None for label in printed),
        diverted_labelled=sum(
            item["diverted_at_s"] is not None and bool(item["labels"]) for item in items
        ),
        markings=tuple(
            Marking(label["gtin"], label["serial"]) if label["gtin"] else None for label in printed
        ),
    )
