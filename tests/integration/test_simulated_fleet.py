"""A small simulated fleet, a broker and the server's side: a good release reaches all, a bad none.

`test_rollout_of_a_thousand` does the same as processes, with more of everything.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet_release import note_approved
from mqtt_brokers import free_port
from waiting import until

from beltmark.contract.broker import parse_broker
from beltmark.contract.bundle import Bundle
from beltmark.simulation.fleet import SimulatedFleet, device_names
from beltmark.simulation.fleet_device import FleetPlan
from fleet_server.broker import EmbeddedBroker
from fleet_server.ingest.link import FleetLink
from fleet_server.rollouts.driver import Driver
from fleet_server.rollouts.plan import Plan, parse_waves
from fleet_server.storage.engine import open_database
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.rollouts import RolloutStore
from fleet_server.storage.telemetry import TelemetryStore

DEVICES = 12


@pytest.fixture
def rollouts(tmp_path: Path) -> Iterator[RolloutStore]:
    engine = open_database(f"sqlite:///{tmp_path / 'fleet.sqlite'}")
    store, fleet = RolloutStore(engine, time.time()), FleetStore(engine)
    for number, name in enumerate(("good", "worse", "failing")):
        files = {"release.json": {"sha256": "a" * 64, "length": 7}}
        bundle = Bundle(release=name, package_sha256="a" * 64, files=files)
        note_approved(engine, bundle, f"{number:064}", time.time)
    with EmbeddedBroker(free_port()) as broker:
        link, driver = FleetLink(broker.address, TelemetryStore(engine), fleet), Driver(store, 0.2)
        plan = FleetPlan(
            release="old", minute_s=0.3, items_a_minute=40, update_s=0.5, heartbeat_s=1,
            worse={"worse": 0.5}, failing={"failing": 1.0},
        )  # fmt: skip
        simulated = SimulatedFleet(parse_broker(broker.address), plan, list(device_names(DEVICES)))
        is_over = threading.Event()
        running = threading.Thread(target=simulated.run, args=(is_over.is_set,))
        link.start()
        driver.start()
        running.start()
        try:
            until(lambda: len(fleet.devices()) == DEVICES, "all are there")
            yield store
        finally:
            is_over.set()
            running.join()
            driver.stop()
            link.stop()
            engine.dispose()


def test_rollouts_end_as_their_releases_deserve(rollouts: RolloutStore) -> None:
    def ended(release: str) -> str:
        gates = {"soak_s": 0.5, "min_items": 100, "figures": {"reviews": 0.1}}
        plan = {
            "release": release, "waves": parse_waves("3,100%"), "gates": gates,
            "settle_s": 1, "baseline_s": 60,
        }  # fmt: skip
        number = rollouts.start(Plan.model_validate(plan), "mara")

        def state() -> str:
            stored = rollouts.one(number)
            assert stored is not None
            is_settled = not stored.state.count(("asked", "updating", "recalling"))
            return f"{stored.state.status} {stored.state.reason}" if is_settled else "running"

        until(lambda: not state().startswith("running"), f"the end of {release}")
        return state()

    assert ended("worse").startswith("stopped reviews: +")
    assert "golden image 3" in ended("failing")
    assert ended("good") == "done "
    stored = rollouts.all()[0]
    assert stored.state.count(("running",)) == DEVICES
