"""The whole station as a user starts it: the agent in a process of its own, a belt that doesn't
wait, a printer that keeps its own record. What went wrong is counted by belt and printer."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from label_reading import rendered

from beltmark.demo.station import BUNDLED, station_text

pytestmark = pytest.mark.xdist_group("e2e")

SECONDS = 22
PATIENCE_S = 60.0


def start(module: str, *arguments: str, stdout: int | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=stdout, text=True)


@contextmanager
def simulated_belt(folder: Path, *, seed: int) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Starts belt, camera and printer; gives the process and a station file that names them."""
    belt = start(
        "beltmark.simulation.cli", "station", "--seed", str(seed), "--seconds", str(SECONDS),
        "--truth", str(folder / "truth.json"), stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert belt.stdout is not None
        addresses = json.loads(belt.stdout.readline())
        station = folder / "station.toml"
        station.write_text(
            station_text(
                release=BUNDLED / "release",
                data=folder / "data",
                camera=addresses["camera"],
                printer=addresses["printer"],
                control=addresses["control"],
            )
        )
        yield belt, station
    finally:
        belt.kill()
        belt.wait()


def stop(agent: subprocess.Popen[str]) -> int:
    agent.send_signal(signal.SIGTERM)
    try:
        return agent.wait(timeout=PATIENCE_S)
    finally:
        agent.kill()


def journal(station: Path) -> list[dict[str, Any]]:
    listing = subprocess.run(
        [sys.executable, "-m", "edge_agent.cli", "journal", str(station), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in listing.stdout.splitlines()]


def read_back(zpl: str) -> tuple[str, str]:
    """Renders a label with a renderer that is not ours and reads its symbol: (gtin, serial)."""
    (symbol,) = zxingcpp.read_barcodes(rendered(zpl.encode("latin-1"), 60, 40, 8))
    match = re.fullmatch(rb"01(\d{14})21(.+)", symbol.bytes)
    assert match, symbol.text
    return match[1].decode(), match[2].decode()


def test_each_item_gets_its_one_right_label(tmp_path: Path) -> None:
    with simulated_belt(tmp_path, seed=11) as (belt, station):
        agent = start("edge_agent.cli", "run", str(station), "--quiet")
        assert belt.wait(timeout=SECONDS + PATIENCE_S) == 0
        assert stop(agent) == 0
    truth = json.loads((tmp_path / "truth.json").read_text())
    verdict = truth["verdict"]
    assert verdict["passed"] >= 5
    assert (verdict["missed"], verdict["wrong"], verdict["duplicates"]) == (0, 0, 0)

    items = journal(station)
    assert len(items) == verdict["passed"]
    products = sum(item["gtin"] is not None for item in truth["items"])
    assert len(truth["printed"]) >= products / 2, "a station that reviews everything labels nothing"
    printed = {(i["gtin"], i["serial"]) for i in items if i["print_state"] == "printed"}
    came_out = [read_back(label["zpl"]) for label in truth["printed"]]
    assert sorted(came_out) == sorted(printed)


def test_a_killed_agent_neither_doubles_nor_forgets(tmp_path: Path) -> None:
    with simulated_belt(tmp_path, seed=12) as (belt, station):
        agent = start("edge_agent.cli", "run", str(station), "--quiet")
        for labels_before_kill in (2, 4):
            deadline = time.monotonic() + PATIENCE_S
            while sum(i["print_state"] is not None for i in journal(station)) < labels_before_kill:
                assert time.monotonic() < deadline, "the agent decided too little to be killed"
                assert agent.poll() is None
            agent.kill()
            agent.wait()
            agent = start("edge_agent.cli", "run", str(station), "--quiet")
        assert belt.wait(timeout=SECONDS + 2 * PATIENCE_S) == 0
        assert stop(agent) == 0
    verdict = json.loads((tmp_path / "truth.json").read_text())["verdict"]
    assert verdict["passed"] >= 5
    assert (verdict["missed"], verdict["wrong"], verdict["duplicates"]) == (0, 0, 0)
    items = journal(station)
    assert len(items) >= verdict["passed"]
    unfinished = {"decided", "queued", "sending", "sent"}
    assert not [i for i in items if i["outcome"] is None or i["print_state"] in unfinished]
