"""Scan after print as a user has it: a second camera, labels that go wrong, the agent a process.

The belt, which knows the truth, judges what the agent says of the labels.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from agent_process import AgentProcess, agent_of
from waiting import PATIENCE_S, until

from beltmark.demo.station import BUNDLED, station_text
from edge_agent.printing.reading import read_history

pytestmark = pytest.mark.xdist_group("e2e")

SECONDS = 20
SCAN = """
[verification]
source = "{scan}"
rect_xyxy_px = [0, 0, 400, 640]
after_s = 0.8
until_s = 2.3
on_missing = "tell"
on_unreadable = "tell"
"""


@contextmanager
def belt(folder: Path, *faults: str) -> Iterator[tuple[subprocess.Popen[str], AgentProcess]]:
    """Starts belt, cameras and printer; gives the process, and an agent that is not started."""
    arguments = [argument for fault in faults for argument in ("--label-fault", fault)]
    process = subprocess.Popen(
        [
            sys.executable, "-m", "beltmark.simulation.cli", "station", "--seed", "11",
            "--seconds", str(SECONDS), "--foreign-share", "0", "--scan-port", "0",
            "--truth", str(folder / "truth.json"), *arguments,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        scan = addresses.pop("scan")
        station = folder / "station.toml"
        text = station_text(release=BUNDLED / "release", data=folder / "data", **addresses)
        station.write_text(text + SCAN.format(scan=scan))
        with agent_of(station) as agent:
            yield process, agent
    finally:
        process.kill()
        process.wait()


def scanned(agent: AgentProcess) -> dict[str, Any]:
    return dict(agent.status()["verification"])


def unread(agent: AgentProcess) -> int:
    """Items on which nothing was read: which of the two it was is a guess by looks."""
    counts = scanned(agent)["counts"]
    return int(counts.get("missing", 0) + counts.get("unreadable", 0))


def labels_on_items(folder: Path) -> list[list[tuple[str, str]]]:
    """The belt's word: (GTIN, serial) of the labels on each item that bears any."""
    on_item: dict[int, list[tuple[str, str]]] = {}
    for label in json.loads((folder / "truth.json").read_text())["printed"]:
        if label["item_id"] is not None:
            on_item.setdefault(label["item_id"], []).append((label["gtin"], label["serial"]))
    return list(on_item.values())


@pytest.mark.long
def test_each_label_that_is_well_is_verified(tmp_path: Path) -> None:
    with belt(tmp_path) as (process, agent):
        agent.start()
        assert process.wait(timeout=SECONDS + PATIENCE_S) == 0
        agent.stop()
        counts = scanned(agent)["counts"]
    states = [item.label_state for item in agent.items() if item.serial is not None]
    verified = states.count("verified")
    assert verified >= 5
    assert counts.pop("verified") == verified
    # A computer that is busy with other tests may take no picture while a label passes.
    assert not counts.keys() & {"mismatch", "duplicate"}
    borne = [label for labels in labels_on_items(tmp_path) for label in labels]
    told = {(item.gtin, item.serial) for item in agent.items() if item.label_state == "verified"}
    assert told <= set(borne)


def test_what_is_wrong_is_named_and_stops_the_line_until_a_person_releases_it(
    tmp_path: Path,
) -> None:
    with belt(tmp_path, "late@2", "smeared@4") as (process, agent):
        agent.start()
        until(lambda: scanned(agent)["state"] == "stopped", "a line that was stopped")
        until(lambda: "verification" in agent.status()["problems"], "the reason of the stop")
        assert not agent.status()["may_run"]
        assert "mismatch: the label of item" in scanned(agent)["reason"]
        subprocess.run(
            [sys.executable, "-m", "edge_agent.cli", "release", str(agent.station), "scan"],
            check=True,
        )
        until(lambda: scanned(agent)["state"] != "stopped", "a line that was released")
        until(lambda: unread(agent) == 2, "a label that cannot be read")
        assert process.wait(timeout=SECONDS + PATIENCE_S) == 0
        agent.stop()
        assert unread(agent) == 2
        counts = scanned(agent)["counts"]
    borne = labels_on_items(tmp_path)
    ((late, own),) = [labels for labels in borne if len(labels) == 2]
    items = {(item.gtin, item.serial): item for item in agent.items() if item.serial}
    assert items[late].label_state == "voided"
    assert (items[own].outcome, items[own].rule) == ("REVIEW", "scan_mismatch")
    history = read_history(agent.data / "journal.sqlite", items[late].item_id)
    assert {"scan missing", "scan unreadable"} & {step.what for step in history}
    assert counts["mismatch"] == 1
    verified = {label for label, item in items.items() if item.label_state == "verified"}
    assert verified
    assert verified <= {labels[0] for labels in borne if len(labels) == 1} | {own}
