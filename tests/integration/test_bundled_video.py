"""The bundled model over the bundled film of a belt, in the agent's own process: every frame of a
file is looked at, so the outcome is the same on any machine, however slow."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from beltmark.demo.station import BUNDLED, station_text


def agent(*arguments: str) -> str:
    command = [sys.executable, "-m", "edge_agent.cli", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_each_filmed_item_is_decided_once_and_none_wrongly(tmp_path: Path) -> None:
    station = tmp_path / "station.toml"
    station.write_text(
        station_text(
            release=BUNDLED / "release",
            data=tmp_path / "data",
            camera=BUNDLED / "belt.mp4",
            printer=f"file:{tmp_path}/labels.zpl",
            control="none",
        )
    )
    agent("run", str(station), "--quiet")
    items: list[dict[str, Any]] = [
        json.loads(line) for line in agent("journal", str(station), "--json").splitlines()
    ]
    filmed = json.loads((BUNDLED / "belt.json").read_text())["items"]
    passed = [item for item in filmed if item["left_at_s"] is not None]

    assert len(passed) <= len(items) <= len(filmed)
    assert items[0]["outcome"] == "REVIEW", "it was in the picture from the first frame on"
    for seen, true in zip(items, filmed, strict=False):  # both in the order of the belt
        assert seen["outcome"] == "REVIEW" or seen["sku"] == true["sku"]
    labels = [item for item in items if item["print_state"] == "printed"]
    assert len(labels) >= len(passed) // 2
    assert (tmp_path / "labels.zpl").read_bytes().count(b"^XA") == len(labels)
