"""A station of a simulated fleet, without a broker."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beltmark.contract.messages import Committed, Desired, RecordBatch, Reported
from beltmark.contract.wire import Message
from beltmark.simulation.fleet_device import FleetDevice, FleetPlan

START = 1e9


def wish(release: str, version: int = 1) -> Desired:
    return Desired(device="sim-1", desired_version=version, release=release, issued_at=START)


class Watch:
    """A device, and all that it says."""

    def __init__(self, plan: FleetPlan, name: str = "sim-1") -> None:
        self.now = START
        self.device = FleetDevice(name, plan, START)
        self.said: list[Message] = [message for _, message in self.device.begin(1, START)]

    def go(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 0.5
            self.device.advance(self.now)
            self.said += [message for _, message in self.device.said(self.now)]

    def states(self) -> list[str]:
        return [each.state for each in self.said if isinstance(each, Reported)]

    def sequences(self) -> Iterator[int]:
        for each in self.said:
            if isinstance(each, RecordBatch):
                yield from (record.sequence for record in each.records)


def test_it_takes_over_what_is_desired_step_by_step() -> None:
    watch = Watch(FleetPlan(release="old", update_s=10))
    watch.go(1)
    watch.device.hear_desired(wish("new"), watch.now)
    watch.go(15)
    assert watch.states() == [
        "running",
        "downloading",
        "verifying",
        "accepting",
        "waiting",
        "running",
    ]
    assert watch.device.running == "new"
    before = len(watch.said)
    watch.device.hear_desired(wish("old"), watch.now)  # not newer
    watch.go(1)
    assert watch.device.running == "new"
    watch.device.hear_desired(wish("old", 2), watch.now)
    watch.go(15)
    assert watch.device.running == "old"
    assert len(watch.said) > before


def test_one_that_fails_keeps_what_it_ran_and_remembers() -> None:
    watch = Watch(FleetPlan(release="old", update_s=10, failing={"new": 1.0}))
    watch.device.hear_desired(wish("new"), watch.now)
    watch.go(15)
    assert (watch.device.running, watch.states()[-1]) == ("old", "refused")
    watch.device.hear_desired(wish("new", 2), watch.now)
    watch.go(1)
    (last,) = [each for each in watch.said if isinstance(each, Reported)][-1:]
    assert (last.desired_version, last.reason) == (2, "it failed here before")


def test_records_are_said_once_a_session_until_they_are_committed() -> None:
    watch = Watch(FleetPlan(minute_s=1))
    watch.go(10)
    assert list(watch.sequences()) == list(range(1, 11))
    watch.device.hear_committed(Committed(device="sim-1", stream="s", sequence=7))
    watch.said = []
    list(watch.device.begin(2, watch.now))
    watch.go(0.5)
    assert list(watch.sequences())[:3] == [8, 9, 10]


@pytest.mark.parametrize("share", [0.03, 0.5])
def test_rates_are_what_they_are_said_to_be(share: float) -> None:
    plan = FleetPlan(failing={"new": share}, offline=share, offline_s=5, release="old", update_s=1)
    watches = [Watch(plan, f"sim-{k}") for k in range(300)]
    away = 0
    for watch in watches:
        watch.device.hear_desired(wish("new"), watch.now)
        for _ in range(10):
            watch.go(2)
            away += not watch.device.is_wanted_online
    refused = sum(watch.device.running == "old" for watch in watches)
    assert refused / 300 == pytest.approx(share, abs=0.1)
    assert away / 3_000 == pytest.approx(share, abs=0.06)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1))
def test_the_same_seed_does_the_same(seed: int, rate: float) -> None:
    plan = FleetPlan(seed=seed, minute_s=2, review_rate=rate, offline=0.3, offline_s=3)

    def story() -> list[object]:
        watch = Watch(plan)
        watch.device.hear_desired(wish("new"), watch.now)
        watch.go(20)
        return [*watch.said, watch.device.is_wanted_online]

    assert story() == story()
