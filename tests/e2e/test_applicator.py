"""Printed is not applied: an applicator that misses, loses and is late, on a belt that judges."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from beltmark.contract.catalogue import read_catalogue
from beltmark.demo.station import BUNDLED, station_text
from beltmark.simulation.applicator import ApplicatorPlan
from beltmark.simulation.station import SimulatedStation, StationPlan
from beltmark.simulation.world_plan import WorldPlan
from edge_agent.printing.reading import read_item, read_items

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.long]

PATIENCE_S = 90.0
PRODUCTS = read_catalogue(BUNDLED / "catalogue.csv").products
OUTPUTS = """
[applicator]
apply = "{control}"
confirm_timeout_s = 1.4
"""


def test_a_label_that_is_not_applied_lands_on_no_other_item(tmp_path: Path) -> None:
    applicator = ApplicatorPlan(
        misses=frozenset({2}), loses=frozenset({3}), late_s={4: 0.3}, cleared_after_s=2.0
    )
    world = WorldPlan(seed=11, products=PRODUCTS, foreign_share=0.0, applicator=applicator)
    with SimulatedStation(StationPlan(world=world, seconds=18)) as belt:
        control = belt.addresses["control"]
        text = station_text(
            release=BUNDLED / "release",
            data=tmp_path / "data",
            camera=belt.addresses["camera"],
            printer=belt.addresses["printer"],
            control=control,
        ).replace("[outputs]", '[outputs]\nconfirm = "answer"')
        station = tmp_path / "station.toml"
        station.write_text(text + OUTPUTS.format(control=control))
        command = [sys.executable, "-m", "edge_agent.cli", "run", str(station), "--quiet"]
        with subprocess.Popen(command) as agent:
            try:
                assert belt.wait(PATIENCE_S), "the belt never ran empty"
            finally:
                agent.send_signal(signal.SIGTERM)
            assert agent.wait(PATIENCE_S) == 0
        truth = belt.truth()
    verdict = truth["verdict"]
    assert (verdict["missed"], verdict["wrong"], verdict["duplicates"]) == (0, 0, 0)
    printed = truth["printed"]
    assert [label["is_scrap"] for label in printed[:3]] == [False, True, True]
    journal = tmp_path / "data" / "journal.sqlite"
    items = {(item.gtin, item.serial): item for item in read_items(journal) if item.serial}
    states = [items[label["gtin"], label["serial"]] for label in printed]
    for item, label in zip(states, printed, strict=True):
        if label["item_id"] is not None:
            assert (item.outcome, item.label_state) == ("PRINT", "applied")
        else:
            assert (item.outcome, item.label_state) == ("REVIEW", "diverted")
    assert sum(item.label_state == "applied" for item in states) >= 3
    missed = read_item(journal, states[1].item_id)
    told = [step.what for step in missed.history]
    assert "label voided" in told
    assert "applicator clear" in told
    diverted = sum(item["diverted_at_s"] is not None for item in truth["items"])
    assert diverted == sum(item.outcome != "PRINT" for item in read_items(journal))
    status = json.loads((tmp_path / "data" / "status.json").read_text())
    assert status["applicator"]["state"] == "free"
