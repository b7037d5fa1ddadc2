import pytest
import sqlalchemy as sa
from fleet_messages import SENT_AT, Clock, birth

from beltmark.contract.bundle import Bundle
from beltmark.contract.messages import Desired
from beltmark.contract.sample import Sample
from fleet_server.storage.fleet import FleetStore, LogEntry
from fleet_server.storage.telemetry import TelemetryStore

SHA = "a" * 64


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(fleet_engine: sa.Engine, clock: Clock) -> FleetStore:
    return FleetStore(fleet_engine, clock)


def bundle(name: str) -> Bundle:
    return Bundle(
        release=name, package_sha256=SHA, files={"release.json": {"sha256": SHA, "length": 7}}
    )


def sample(sample_id: str, captured_at: float = SENT_AT) -> Sample:
    return Sample(
        sample_id=sample_id,
        item_id="i1",
        captured_at=captured_at,
        outcome="REVIEW",
        reason="<script>alert('looks like a can')</script>",
        width_px=640,
        height_px=360,
        release="release-1",
        package_sha256=SHA,
    )


def test_a_fact_is_what_it_was_last_set_to(store):
    assert store.fact("admin_token") is None
    store.set_fact("admin_token", "one")
    store.set_fact("admin_token", "two")
    assert store.fact("admin_token") == "two"


def test_what_is_desired_has_a_version_that_only_grows(store, clock):
    assert store.desired("belt-1") is None
    first = store.desire("belt-1", "release-1", by="admin")
    assert first == Desired(
        device="belt-1",
        desired_version=1,
        release="release-1",
        issued_at=SENT_AT,
        issued_by="admin",
    )
    clock.now += 1
    second = store.desire("belt-1", "release-2", by="someone")
    assert (second.desired_version, second.issued_at, second.issued_by) == (
        2,
        SENT_AT + 1,
        "someone",
    )
    kept = store.desired("belt-1")
    assert kept is not None
    assert (kept.message(), kept.previous) == (second, "release-1")
    assert store.desire("belt-2", "release-1", by="admin").desired_version == 1
    assert [one.device for one in store.all_desired()] == ["belt-1", "belt-2"]


def test_who_asks_twice_can_still_go_back(store):
    for name in ("release-1", "release-2", "release-2"):
        store.desire("belt-1", name, by="admin")
    kept = store.desired("belt-1")
    assert kept is not None
    assert (kept.version, kept.release, kept.previous) == (3, "release-2", "release-1")


def test_what_the_broker_has_not_acknowledged_is_unpublished(store):
    store.desire("belt-1", "release-1", by="admin")
    store.desire("belt-2", "release-1", by="admin")
    store.mark_published("belt-1", 1)
    assert [one.device for one in store.unpublished()] == ["belt-2"]
    store.desire("belt-1", "release-2", by="admin")
    store.mark_published("belt-1", 1)  # a late word on what is old
    assert [(one.device, one.version) for one in store.unpublished()] == [
        ("belt-1", 2),
        ("belt-2", 1),
    ]
    store.mark_published("belt-1", 2)
    store.mark_published("belt-1", 1)
    store.mark_published("belt-2", 1)
    assert store.unpublished() == []


def test_devices_are_those_that_were_heard(store, fleet_engine):
    telemetry = TelemetryStore(fleet_engine)
    telemetry.take_birth(birth(device="belt-2"))
    telemetry.take_birth(birth(device="belt-1"))
    telemetry.note_malformed("made-up", "not valid JSON")
    assert store.devices() == ["belt-1", "belt-2"]


def test_a_sample_is_kept_once(store, clock):
    assert store.add_sample("belt-1", sample("s1"), SHA)
    clock.now += 1
    assert not store.add_sample("belt-1", sample("s1", captured_at=1.0), "b" * 64)
    assert store.add_sample("belt-2", sample("s1"), SHA)
    kept = store.sample("belt-1", "s1")
    assert kept is not None
    assert (kept.sample, kept.sha256, kept.received_at) == (sample("s1"), SHA, SENT_AT)
    assert store.sample("belt-1", "s2") is None


def test_the_latest_samples_come_first(store, clock):
    for number in range(4):
        clock.now += 1
        store.add_sample(f"belt-{number % 2}", sample(f"s{number}"), SHA)
    assert [one.sample.sample_id for one in store.samples(3)] == ["s3", "s2", "s1"]
    assert [one.sample.sample_id for one in store.samples(9, "belt-0")] == ["s2", "s0"]


def test_the_oldest_samples_of_a_device_are_dropped(store, clock):
    for number, sha in enumerate(["a" * 64, "b" * 64, "c" * 64, "b" * 64]):
        clock.now += 1
        store.add_sample("belt-1", sample(f"s{number}"), sha)
    store.add_sample("belt-2", sample("s0"), "a" * 64)
    assert store.drop_oldest_samples("belt-1", 4) == []
    # The image of s1 is also that of s3, which stays.
    assert store.drop_oldest_samples("belt-1", 2) == ["a" * 64]
    assert [one.sample.sample_id for one in store.samples(9, "belt-1")] == ["s3", "s2"]
    assert len(store.samples(9, "belt-2")) == 1


def test_the_log_tells_who_did_what(store, clock):
    store.note("admin", "added release-1")
    clock.now += 1
    store.note("admin", "pushed release-1 to belt-1")
    assert store.log(1) == [LogEntry(SENT_AT + 1, "admin", "pushed release-1 to belt-1")]
    assert len(store.log(10)) == 2
