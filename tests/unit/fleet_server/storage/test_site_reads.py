import pytest
import sqlalchemy as sa
from fleet_messages import Clock, batch, birth, item_body, record

from beltmark.contract.bundle import Bundle
from beltmark.contract.sample import Sample
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.release_book import ReleaseBook
from fleet_server.storage.site_reads import MAX_SAMPLES, read_item, read_releases, read_samples
from fleet_server.storage.telemetry import TelemetryStore

NOW = 100_000.0


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def fleet(fleet_engine, clock) -> FleetStore:
    TelemetryStore(fleet_engine, clock).take_birth(birth())
    return FleetStore(fleet_engine, clock)


def sample(sample_id: str) -> Sample:
    return Sample(
        sample_id=sample_id,
        item_id=sample_id,
        captured_at=NOW,
        outcome="REVIEW",
        reason="not sure",
        width_px=64,
        height_px=48,
        release="r1",
        package_sha256="a" * 64,
    )


def add_release(engine: sa.Engine, clock: Clock, name: str) -> None:
    file = {"sha256": "a" * 64, "length": 5}
    bundle = Bundle(release=name, package_sha256="b" * 64, files={"release.json": file})
    ReleaseBook(engine, clock).add(bundle, "c" * 64, "admin")


def test_an_item_with_its_sample(fleet_engine, fleet, clock):
    record_of_item = record(1, "item", **item_body("i1", 3))
    TelemetryStore(fleet_engine, clock).take_batches([batch([record_of_item])])
    assert read_item(fleet_engine, "belt-1", "i1").sample is None
    fleet.add_sample("belt-1", sample("i1"), "d" * 64)
    detail = read_item(fleet_engine, "belt-1", "i1")
    assert (detail.item.item_id, detail.step, detail.device.device) == ("i1", 3, "belt-1")
    assert detail.sample.sha256 == "d" * 64


def test_an_item_that_is_not_there(fleet_engine, fleet):
    assert read_item(fleet_engine, "belt-1", "i1") is None
    assert read_item(fleet_engine, "belt-9", "i1") is None


def test_samples_come_in_pages(fleet_engine, fleet, clock):
    for number in range(MAX_SAMPLES + 3):
        clock.now = NOW + number
        fleet.add_sample("belt-1", sample(f"s{number}"), "d" * 64)
    first = read_samples(fleet_engine)
    assert first.total == MAX_SAMPLES + 3
    assert [first.samples[0].sample.sample_id, len(first.samples)] == ["s62", MAX_SAMPLES]
    second = read_samples(fleet_engine, first.older_than)
    assert [one.sample.sample_id for one in second.samples] == ["s2", "s1", "s0"]
    assert second.older_than is None


def test_no_samples(fleet_engine, fleet):
    assert read_samples(fleet_engine).total == 0


def test_releases_with_who_has_to_do_with_them(fleet_engine, fleet, clock):
    add_release(fleet_engine, clock, "r1")
    clock.now += 1
    add_release(fleet_engine, clock, "r2")
    fleet.desire("belt-1", "r2", "admin")
    page = read_releases(fleet_engine)
    assert [one.release for one in page.releases] == ["r2", "r1"]
    [(stored, desired)] = page.stations
    assert (stored.device, desired.release) == ("belt-1", "r2")
