"""A thousand stations that speak the real protocol, a real broker, a real server: rollouts on them.

Their devices, minutes and updates are made up and quick; all else is as it is at a site.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet_process import REPOSITORY, ServedSite, fleet, init
from fleet_release import note_approved
from mqtt_brokers import Mosquitto, free_port
from waiting import until

from beltmark.contract.bundle import Bundle
from fleet_server.rollouts.plan import Plan, parse_waves
from fleet_server.site import open_site, open_site_database
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.rollouts import RolloutStore, StoredRollout

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.thousand]

DEVICES = 1_000
PATIENCE_S = 600.0
SHA = "a" * 64
RELEASES = ("good", "worse", "failing-3", "failing-12")


class Thousand:
    """The site, its server, and the stations."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.site = folder / "site"
        init(self.site)
        self._engine = open_site_database(open_site(self.site))
        self.fleet, self.store = FleetStore(self._engine), RolloutStore(self._engine)
        for number, name in enumerate(RELEASES):
            files = {"release.json": {"sha256": SHA, "length": 7}}
            bundle = Bundle(release=name, package_sha256=SHA, files=files)
            note_approved(self._engine, bundle, f"{number:064}", time.time)
        self.server = ServedSite(self.site, "--port", free_port(), "--broker", broker.address)
        self.server.start()
        stations = [
            *("--broker", broker.address, "--devices", DEVICES, "--seed", 3, "--release", "old"),
            *("--minute", 10, "--items", 60, "--update", 5, "--heartbeat", 10, "--seconds", 3_600),
            *("--offline", 0.04, "--offline-for", 15, "--slow", 0.02),
            *("--worse", "worse=0.25"),
            *("--failing", "failing-3=0.03", "--failing", "failing-12=0.12"),
        ]
        command = [sys.executable, "-m", "beltmark.simulation.cli", "fleet", *map(str, stations)]
        self._stations = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL)
        until(lambda: len(self.fleet.devices()) == DEVICES, "all are there", PATIENCE_S)

    def begin(self, release: str, waves: str = "10,20%,100%") -> int:
        gates = {"soak_s": 5, "min_items": 300, "failed": 0.05}
        plan = {
            "release": release, "waves": parse_waves(waves), "gates": gates, "at_once": 400,
            "settle_s": 15, "baseline_s": 60, "answer_s": 60, "update_s": 120,
        }  # fmt: skip
        return self.store.start(Plan.model_validate(plan), "mara")

    def now(self, number: int) -> StoredRollout:
        stored = self.store.one(number)
        assert stored is not None
        return stored

    def ended(self, number: int) -> StoredRollout:
        until(lambda: self.now(number).state.status != "running", "its end", PATIENCE_S)
        return self.now(number)

    def has_it(self, release: str) -> int:
        """How many are asked to run a release."""
        return sum(each.release == release for each in self.fleet.all_desired())

    def close(self) -> None:
        self._stations.terminate()
        self._stations.wait()
        self.server.close()
        self._engine.dispose()


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thousand]:
    folder = tmp_path_factory.mktemp("thousand")
    broker = Mosquitto(folder, "allow_anonymous true\nmax_queued_messages 10000")
    broker.start()
    made = Thousand(folder, broker)
    yield made
    made.close()
    broker.stop()


def test_one_that_sends_more_items_to_people_stops_in_its_first_wave(thousand: Thousand) -> None:
    stored = thousand.ended(thousand.begin("worse"))
    assert (stored.state.status, stored.state.wave) == ("stopped", 0)
    assert stored.state.reason.startswith("reviews: +")
    assert thousand.has_it("worse") == 0
    shown = fleet("rollout", "show", thousand.site).stdout
    assert re.search(r"wave 1 \(10\): .*(recalling|back)", shown)


def test_few_failures_are_borne_though_the_server_is_killed_and_many_stop_it(
    thousand: Thousand,
) -> None:
    number = thousand.begin("failing-3")
    for wave in (0, 1, 2):
        until(lambda: thousand.now(number).state.wave >= wave, "a wave", PATIENCE_S)  # noqa: B023
        thousand.server.close()
        thousand.server.start()
    stored = thousand.ended(number)
    failed = stored.state.count(("failed",))
    assert stored.state.status == "done", stored.state.reason
    assert 10 <= failed <= 50
    assert len(stored.state.members) == DEVICES
    versions = [each.version for each in thousand.fleet.all_desired()]
    assert max(versions) <= 3  # each was asked once, but for those of the rollout before

    stored = thousand.ended(thousand.begin("failing-12", "100,50%,100%"))
    assert stored.state.status == "stopped"
    assert "golden image 3" in stored.state.reason
    assert stored.state.count(("asked", "updating")) == 0


def test_what_is_ended_in_the_middle_leaves_nobody_under_way(thousand: Thousand) -> None:
    number = thousand.begin("good", "10,60%,100%")

    def is_under_way() -> bool:
        state = thousand.now(number).state
        return state.wave == 1 and state.count(("asked", "updating")) > 100

    until(is_under_way, "many are updating", PATIENCE_S)
    assert fleet("rollout", "abort", thousand.site).returncode == 0
    stored = thousand.now(number)
    assert stored.state.status == "aborted"
    assert stored.state.count(("asked", "updating")) == 0
    kept = stored.state.count(("running",))
    assert thousand.has_it("good") == kept

    def are_back() -> bool:
        return thousand.now(number).state.count(("recalling",)) <= DEVICES // 10

    until(are_back, "those that are on-line are back", PATIENCE_S)
