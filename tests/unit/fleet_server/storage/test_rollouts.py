"""Rollouts in a database: what devices are told, what they say, and what comes of it."""

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from fleet_messages import Clock, batch, birth, heartbeat, record, reported
from fleet_release import note_approved

from beltmark.contract.bundle import Bundle
from beltmark.contract.errors import InputError
from beltmark.contract.messages import Reported
from fleet_server.rollouts.driver import JUMP_S, STEADY_AFTER_S, Driver, SteadyClock
from fleet_server.rollouts.plan import Plan, parse_waves
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.rollouts import RolloutStore
from fleet_server.storage.telemetry import TelemetryStore

SHA = "a" * 64
DEVICES = tuple(f"belt-{k}" for k in range(6))


class Floor:
    """A fleet of made-up devices that do what they are told, and the rollouts on it."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.clock = Clock()
        self.fleet = FleetStore(engine, self.clock)
        self.telemetry = TelemetryStore(engine, self.clock)
        self.running = dict.fromkeys(DEVICES, "old")
        self.review_share = {"old": 0.1, "new": 0.1}
        self.refusing: set[str] = set()
        self.sequence = 0
        self.ahead_s = 0.0  # of the devices' clocks
        for name in ("old", "new"):
            files = {"release.json": {"sha256": SHA, "length": 7}}
            bundle = Bundle(release=name, package_sha256=SHA, files=files)
            note_approved(engine, bundle, name[0] * 64, self.clock)
        for device in DEVICES:
            self.telemetry.take_birth(birth(1, device=device))
        self.open()

    def open(self) -> None:
        """Begins anew, as a server that was started again."""
        self.store = RolloutStore(self.engine, 0.0, self.clock)

    def minute(self) -> None:
        """Lets a minute pass: devices take over what is desired, and tell of their items."""
        self.clock.now += 60
        for device in DEVICES:
            desired = self.fleet.desired(device)
            is_refused = desired is not None and device in self.refusing
            if desired is not None and not is_refused:
                self.running[device] = desired.release
            self.telemetry.take_heartbeat(heartbeat(1, self.clock.now + self.ahead_s, device))
            said = reported(1, self.running[device], device).model_dump() | {
                "desired_version": desired.version if desired else 0,
                "state": "refused" if is_refused else "running",
                "reason": "golden image 3 differs" if is_refused else "",
            }
            self.telemetry.take_reported(Reported.model_validate(said))
        self.count()

    def count(self) -> None:
        self.sequence += 1
        for device in DEVICES:
            reviews = round(100 * self.review_share[self.running[device]])
            body = {
                "start_at": self.clock.now + self.ahead_s - 59,
                "frames": 1_000,
                "outcomes": {"PRINT": 100 - reviews, "REVIEW": reviews},
                "labels": {"printed": 100 - reviews},
                "latency_counts": [0, 990, 10],
            }
            made = record(self.sequence, "counters", **body)
            self.telemetry.take_batches([batch([made], device=device)])

    def look(self, number: int, passed_s: float = 60.0) -> list[str]:
        return self.store.look(number, passed_s, lambda _: True)

    def go_on(self, number: int, minutes: int) -> None:
        for _ in range(minutes):
            self.look(number)
            self.minute()


@pytest.fixture
def floor(fleet_engine: sa.Engine) -> Floor:
    floor = Floor(fleet_engine)
    for _ in range(10):
        floor.minute()
    return floor


def plan(waves: str = "1,50%,100%", **more: object) -> Plan:
    given: dict[str, object] = {
        "release": "new",
        "waves": parse_waves(waves),
        "gates": {"soak_s": 120},
    }
    return Plan.model_validate(given | {"settle_s": 0} | more)


def test_a_release_that_changes_nothing_reaches_all(floor: Floor) -> None:
    number = floor.store.start(plan(), "mara")
    assert floor.store.going_on() == [number]
    floor.go_on(number, 30)
    stored = floor.store.one(number)
    assert stored is not None
    assert (stored.state.status, set(floor.running.values())) == ("done", {"new"})
    assert stored.evidence.worse == ()
    assert [line.partition(":")[0] for line in stored.evidence.told] == [
        "reviews", "labels not proven", "slow frames",
    ]  # fmt: skip
    assert floor.store.going_on() == []
    told = [entry.what for entry in floor.fleet.log(10)]
    assert told[0] == "rollout of new: done"
    assert "began rollout 1 of new: 1, 50%, 100%" in told


def test_one_that_sends_more_items_to_people_stops_in_its_first_wave(floor: Floor) -> None:
    floor.review_share["new"] = 0.3
    number = floor.store.start(plan(), "mara")
    floor.go_on(number, 30)
    stored = floor.store.one(number)
    assert stored is not None
    assert (stored.state.status, stored.state.wave) == ("stopped", 0)
    assert stored.state.reason.startswith("reviews: +20.0 points")
    assert set(floor.running.values()) == {"old"}
    assert stored.state.count(("back",)) == 1
    assert floor.store.going_on() == []


def test_what_is_worse_for_all_is_not_the_releases_doing(floor: Floor) -> None:
    number = floor.store.start(plan("2,100%"), "mara")
    floor.go_on(number, 2)
    floor.review_share = {"old": 0.3, "new": 0.3}  # such as another lamp
    floor.go_on(number, 30)
    stored = floor.store.one(number)
    assert stored is not None
    assert stored.state.wave == 1


def test_a_server_that_starts_again_in_the_middle_goes_on(floor: Floor) -> None:
    number = floor.store.start(plan(), "mara")
    for _ in range(30):
        floor.look(number)
        floor.open()
        floor.look(number, 0)
        floor.minute()
    stored = floor.store.one(number)
    assert stored is not None
    assert (stored.state.status, set(floor.running.values())) == ("done", {"new"})
    wanted = [floor.fleet.desired(device) for device in DEVICES]
    assert [each.version for each in wanted if each] == [1] * 6  # each was asked once


def test_what_devices_are_told_and_what_is_known_of_it_are_one(floor: Floor) -> None:
    def die(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE rollouts"):  # the last one of a look
            raise KeyboardInterrupt

    number = floor.store.start(plan(), "mara")
    before = floor.store.one(number)
    sa.event.listen(floor.engine, "before_cursor_execute", die)
    with pytest.raises(KeyboardInterrupt):
        floor.look(number)
    sa.event.remove(floor.engine, "before_cursor_execute", die)
    assert floor.store.one(number) == before
    assert floor.fleet.all_desired() == []
    assert len(floor.look(number)) == 1


def test_people_pause_resume_retry_and_end_it(floor: Floor) -> None:
    floor.refusing.add(first := sorted(DEVICES)[0])
    number = floor.store.start(plan(f"{first},100%"), "mara")
    floor.go_on(number, 3)
    stopped = floor.store.one(number)
    assert stopped is not None
    assert "golden image 3 differs" in stopped.state.reason
    with pytest.raises(InputError, match="stopped: it cannot be paused"):
        floor.store.pause(number, "mara")
    floor.refusing.clear()
    floor.store.retry(number, "mara")
    floor.go_on(number, 2)
    floor.store.pause(number, "mara")
    floor.go_on(number, 9)
    floor.store.resume(number, "jan")
    floor.look(number)
    assert len(floor.store.abort(number, "mara")) == 5
    ended = floor.store.one(number)
    assert ended is not None
    assert ended.state.status == "aborted"
    assert ended.state.count(("asked", "updating")) == 0
    floor.go_on(number, 2)
    assert floor.running == {device: "new" if device == first else "old" for device in DEVICES}
    assert floor.store.abort(number, "mara", everywhere=True) == [first]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"release": "newer"}, "there is no release 'newer'"),
        ({"waves": "belt-9"}, "there is no device 'belt-9'"),
    ],
)
def test_what_is_not_known_is_refused(floor: Floor, given: dict[str, str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        floor.store.start(plan(**given), "mara")
    assert floor.store.all() == []


def test_one_rollout_goes_on_at_a_time(floor: Floor) -> None:
    floor.store.start(plan(), "mara")
    with pytest.raises(InputError, match="rollout 1 of new goes on"):
        floor.store.start(plan(), "jan")
    floor.store.abort(1, "mara")
    assert floor.store.start(plan(), "jan") == 2


def test_devices_whose_clocks_are_far_off_are_counted_like_any_other(floor: Floor) -> None:
    floor.ahead_s = 86_400.0
    for _ in range(10):
        floor.minute()
    floor.review_share["new"] = 0.3
    number = floor.store.start(plan(), "mara")
    floor.go_on(number, 30)
    stored = floor.store.one(number)
    assert stored is not None
    assert stored.state.reason.startswith("reviews: +20.0 points")


class Hands:
    """Clocks that are moved by hand."""

    def __init__(self) -> None:
        self.monotonic, self.wall = 100.0, 1e9

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.monotonic, lambda: self.wall)

    def pass_s(self, passed_s: float, set_by_s: float = 0.0) -> None:
        self.monotonic += passed_s
        self.wall += passed_s + set_by_s


def test_a_clock_that_is_set_opens_no_window() -> None:
    hands = Hands()
    clock = hands.clock()
    all_day = plan(window={"begins": "00:00", "ends": "23:59:59"})
    assert clock.is_open(all_day)
    hands.pass_s(5, set_by_s=10 * JUMP_S)
    assert clock.tick() == 5
    assert not clock.is_open(all_day)
    assert clock.is_open(plan())
    hands.pass_s(STEADY_AFTER_S + 1)
    clock.tick()
    assert clock.is_open(all_day)


class Watched:
    """A store that notes what it is asked, and fails when told so."""

    def __init__(self) -> None:
        self.passed: list[float] = []
        self.error: Exception | None = None
        self.looked = threading.Event()

    def going_on(self) -> list[int]:
        return [7]

    def look(self, number: int, passed_s: float, is_open: Callable[[Plan], bool]) -> list[str]:
        self.passed.append(passed_s)
        self.looked.set()
        if self.error is not None:
            raise self.error
        return ["wave 1 begins"]


def test_a_machine_that_slept_watched_nothing() -> None:
    hands, store = Hands(), Watched()
    driver = Driver(store, 5.0, hands.clock())
    for passed_s in (5.0, 3_600.0):
        hands.pass_s(passed_s)
        driver.look()
    assert store.passed == [5.0, 15.0]


def test_a_failure_is_told_and_tried_again() -> None:
    store = Watched()
    store.error = ValueError("a bug")
    driver = Driver(store, 0.01)
    driver.start()
    try:
        assert store.looked.wait(10)
        while not driver.problems():
            pass
        assert driver.problems() == ["rollouts stand; the log tells more"]
        store.error = None
        while driver.problems():
            pass
    finally:
        driver.stop()
