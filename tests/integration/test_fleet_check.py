"""`check` on a station of a fleet: what is away, refused or damaged is a fault with its mend."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import pytest
from blob_station import RED, pass_by, write_station
from mqtt_brokers import Mosquitto, free_port
from release_bundles import bundle_of, make_release
from signed_site import TOKEN, SignedSite, SiteServer

from edge_agent.doctor import Finding, examine
from edge_agent.update.slots import Slots


class Mounted:
    """A station that somebody has just put up, with its server and broker."""

    def __init__(self, folder: Path, server: str, broker: str, site: SignedSite) -> None:
        self.folder, self.server, self.broker, self.site = folder, server, broker, site
        make_release(folder / "release", "factory")
        (folder / "frames").mkdir()
        for index, image in enumerate(pass_by([RED])[:30]):
            cv2.imwrite(str(folder / f"frames/{index:04d}.png"), image)
        (folder / "root.json").write_bytes(site.root)
        (folder / "token").write_text(TOKEN)

    def findings(self) -> dict[str, Finding]:
        fleet = (
            f'server = "{self.server}"\nbroker = "{self.broker}"\n'
            'root = "root.json"\ntoken_file = "token"'
        )
        station = write_station(self.folder, "frames", fleet=fleet)
        return {finding.part: finding for finding in examine(station)}

    def fault(self) -> tuple[str, str]:
        """The one part that is not well, and what is told of it."""
        (fault,) = [found for found in self.findings().values() if not found.is_well]
        return fault.part, fault.told

    def install(self, name: str) -> Path:
        """Puts a release into the slots, and lets it run; returns its folder."""
        release = make_release(self.folder / name, name, self.folder / "release")
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        slots = Slots(data / "slots", self.folder / "release")
        slots.boot()
        bundle = bundle_of(release)
        by_digest = {file.sha256: release / path for path, file in bundle.files.items()}

        def fetch(file):
            copy = self.folder / "fetched"
            copy.write_bytes(by_digest[file.sha256].read_bytes())
            return copy

        slots.stage(bundle, "0" * 64, fetch)
        slots.activate()
        return data / "slots/a/release"


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Mounted]:
    with ExitStack() as stack:
        broker = Mosquitto(tmp_path)
        stack.callback(broker.stop)
        broker.start()
        site = SignedSite(tmp_path / "site")
        server = stack.enter_context(SiteServer(site.folder))
        yield Mounted(tmp_path, server.address, broker.address, site)


def test_all_is_well_and_nothing_of_it_is_kept(mounted: Mounted) -> None:
    found = mounted.findings()
    assert [part for part, finding in found.items() if not finding.is_well] == []
    assert {"slot", "root", "token", "server", "broker"} <= found.keys()
    assert found["slot"].told == "none: the release above runs"
    assert list((mounted.folder / "data").iterdir()) == []


def test_the_release_that_runs_is_the_one_that_is_looked_at(mounted: Mounted) -> None:
    release = mounted.install("one")
    assert "a runs: one" in mounted.findings()["slot"].told
    (release / "catalogue.csv").write_text("sku\n")
    part, told = mounted.fault()
    assert part == "slot"
    assert "catalogue.csv is damaged" in told
    assert "fetches this one anew" in told


def test_a_server_that_is_away_is_a_fault(mounted: Mounted) -> None:
    mounted.server = f"http://127.0.0.1:{free_port()}"
    part, told = mounted.fault()
    assert part == "server"
    assert mounted.server in told
    assert "start the server" in told


def test_a_token_of_another_site_is_a_fault(mounted: Mounted) -> None:
    (mounted.folder / "token").write_text("another")
    part, told = mounted.fault()
    assert part == "server"
    assert "does not take this device's token" in told


def test_a_root_of_another_site_is_a_fault(mounted: Mounted) -> None:
    (mounted.folder / "root.json").write_bytes(SignedSite(mounted.folder / "other").root)
    part, told = mounted.fault()
    assert part == "server"
    assert "not signed by the keys that this device trusts" in told
    assert "copy root.json" in told


def test_what_has_expired_is_a_fault(mounted: Mounted) -> None:
    mounted.site.publish(expires=datetime.now(UTC) - timedelta(days=1))
    part, told = mounted.fault()
    assert part == "server"
    assert "has expired" in told


def test_root_and_token_that_are_missing_are_faults(mounted: Mounted) -> None:
    (mounted.folder / "root.json").unlink()
    (mounted.folder / "token").unlink()
    faults = {part for part, found in mounted.findings().items() if not found.is_well}
    assert faults == {"root", "token", "server"}


def test_a_broker_that_is_away_is_a_fault(mounted: Mounted) -> None:
    mounted.broker = f"mqtt://127.0.0.1:{free_port()}"
    part, told = mounted.fault()
    assert part == "broker"
    assert "cannot be reached" in told
    assert "fleet.broker" in told


def test_a_broker_that_refuses_the_station_is_a_fault(mounted: Mounted) -> None:
    strict = Mosquitto(mounted.folder, "allow_anonymous false")
    strict.start()
    try:
        mounted.broker = strict.address
        part, told = mounted.fault()
    finally:
        strict.stop()
    assert part == "broker"
    assert "refuses this station" in told


def test_who_answers_and_is_no_broker_is_a_fault(mounted: Mounted) -> None:
    mounted.broker = mounted.server.replace("http", "mqtt")
    part, told = mounted.fault()
    assert part == "broker"
    assert "does not answer" in told or "no broker" in told
