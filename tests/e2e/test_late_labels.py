"""A printer that is slow, or ready only after a while: the belt waits, no label lands elsewhere."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from beltmark.contract.catalogue import read_catalogue
from beltmark.demo.station import BUNDLED, station_text
from beltmark.simulation.printer import PrinterFaults
from beltmark.simulation.station import SimulatedStation, StationPlan
from beltmark.simulation.world_plan import WorldPlan

pytestmark = pytest.mark.xdist_group("e2e")

PATIENCE_S = 90.0
PRODUCTS = read_catalogue(BUNDLED / "catalogue.csv").products


# An inch a second: a label takes longer than its item from the line to the applicator.
WINDOW = """
[printer.profile]
print_speed_mm_s = 25.4

[printer.window]
distance_mm = 120
reach_mm = 100
"""


@pytest.mark.parametrize(
    "more",
    [
        "",
        pytest.param("holds_belt = false", marks=pytest.mark.long),
        pytest.param(WINDOW, marks=pytest.mark.long),
    ],
)
def test_a_label_that_comes_late_still_lands_on_its_item(tmp_path: Path, more: str) -> None:
    plan = StationPlan(world=WorldPlan(seed=5, products=PRODUCTS), seconds=14)
    with SimulatedStation(plan) as belt:
        addresses = belt.addresses
        text = station_text(
            release=BUNDLED / "release",
            data=tmp_path / "data",
            camera=addresses["camera"],
            printer=addresses["printer"],
            control=addresses["control"],
        )
        station = tmp_path / "station.toml"
        # A second to the applicator: a busy machine's relay obeys a tenth or two later.
        text = text.replace("decide_at = 0.6", "mm_per_px = 1.0\ndecide_at = 0.5")
        text = text.replace("hold_after_s = 0.5", "hold_after_s = 0.7")
        text = text.replace("label_deadline_s = 1.0", "label_deadline_s = 1.2")
        station.write_text(text.replace("[outputs]", f"{more}\n\n[outputs]"))
        command = [sys.executable, "-m", "edge_agent.cli", "run", str(station), "--quiet"]
        with subprocess.Popen(command) as agent:
            # Deaf for 0.8 s now and then, and a second for each label: late from both causes.
            deaf, faults = threading.Event(), PrinterFaults(slow_s=1.0)

            def trouble() -> None:
                while not deaf.wait(1.6):
                    belt.printer.faults = PrinterFaults(slow_s=1.0, half_open=True)
                    deaf.wait(0.8)
                    belt.printer.faults = faults

            troubled = threading.Thread(target=trouble)
            troubled.start()
            try:
                assert belt.wait(PATIENCE_S), "the belt never ran empty"
            finally:
                deaf.set()
                troubled.join()
                agent.send_signal(signal.SIGTERM)
            assert agent.wait(PATIENCE_S) == 0
        verdict = belt.truth()["verdict"]
    assert (verdict["missed"], verdict["wrong"], verdict["duplicates"]) == (0, 0, 0)
    assert verdict["passed"] >= 3
    assert json.loads((tmp_path / "data" / "status.json").read_text())["decided"]
