"""A rendered belt that runs back by half a picture, before the bundled model: each item once."""

import json
from pathlib import Path

import pytest

from beltmark.simulation.cli import main as simulate
from edge_agent.cli import main as edge

RELEASE = Path(__file__).parents[2] / "beltmark/bundled/release"


@pytest.mark.long
def test_items_that_go_back_with_the_belt_are_decided_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, station = tmp_path / "belt.mp4", tmp_path / "station.toml"
    profile = ["--speed-profile", "0:1,9:1,9.4:-1,11.4:-1,11.8:1"]
    chance = ["--seed", "4", "--foreign-share", "0"]
    assert simulate(["video", *chance, "--seconds", "17", *profile, "--out", str(video)]) == 0
    station.write_text(
        f'[station]\nname = "back"\nrelease = "{RELEASE}"\ndata = "data"\n'
        '[camera]\nsource = "belt.mp4"\n[zone]\nrect_xyxy_px = [0, 0, 480, 320]\n'
        '[printer]\naddress = "file:labels.zpl"\n'
    )
    assert edge(["run", str(station), "--quiet"]) == 0
    capsys.readouterr()
    assert edge(["journal", str(station), "--json"]) == 0
    items = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    truth = json.loads(video.with_suffix(".json").read_text())["items"]
    # The one that comes in at the very end is not seen for long enough to be an item.
    entered = [item for item in truth if (item["entered_at_s"] or 99.0) < 16.0]
    assert len(items) == len(entered)
    printed = [item["sku"] for item in items if item["print_state"] == "printed"]
    assert {"TUBE-01", "POUCH-01"} <= set(printed), "those two went back and came again"
    assert all(printed.count(sku) <= [i["sku"] for i in entered].count(sku) for sku in printed)
