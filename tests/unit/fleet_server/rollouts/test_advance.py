"""What a rollout does next: what happens in which case, and what never happens in any."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet_server.rollouts.advance import (
    Moment,
    Step,
    abort,
    advance,
    asked,
    pause,
    resume,
    retry,
)
from fleet_server.rollouts.figures import Evidence
from fleet_server.rollouts.plan import Gates, Plan, Window, parse_waves
from fleet_server.rollouts.state import IN_FLIGHT, LOST, OVER, Fact, Order, State

TICK_S = 10.0
ENOUGH = Evidence(items=1_000)
SILENCE = Evidence()


def plan_of(waves: str = "1,50%,100%", **more: object) -> Plan:
    return Plan.model_validate(
        {"release": "new", "waves": parse_waves(waves), "gates": {"soak_s": 20}} | more
    )


@dataclass
class Fleet:
    """Devices, and a rollout on them: what it orders becomes what they are asked."""

    plan: Plan
    facts: dict[str, Fact]
    state: State = field(default_factory=State)
    evidence: Evidence = ENOUGH
    told: list[str] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    at: float = 1e9

    @classmethod
    def of(cls, count: int, plan: Plan) -> "Fleet":
        return cls(plan, {f"d{k:03}": Fact("old", "old", 1, 1, "running") for k in range(count)})

    def take(self, step: Step) -> None:
        self.state, self.orders = step.state, step.orders
        self.told += step.told
        for order in step.orders:
            version = self.facts[order.device].version + 1
            self.set(order.device, desired=order.release, version=version)
            self.state = asked(self.state, order.device, version)

    def look(self, passed_s: float = TICK_S, *, is_open: bool = True) -> list[Order]:
        self.at += passed_s
        moment = Moment(passed_s, self.at, is_open)
        self.take(advance(self.plan, self.state, self.facts, self.evidence, moment))
        return self.orders

    def set(self, device: str, **more: object) -> None:
        self.facts[device] = replace(self.facts[device], **more)  # type: ignore[arg-type]

    def install(self, *devices: str) -> None:
        for device in devices or self.phase("asked", "updating"):
            fact = self.facts[device]
            if fact.is_online:
                self.set(
                    device, running=fact.desired, answered=fact.version, update="running", reason=""
                )

    def refuse(self, device: str) -> None:
        version = self.facts[device].version
        self.set(device, answered=version, update="refused", reason="golden image 3 differs")

    def person(self, act: str) -> bool:
        """Lets a person act; returns whether that was possible."""
        if act == "abort":
            self.take(abort(self.plan, self.state, "mara", Moment(0, self.at)))
            return True
        acts = {"pause": lambda state: pause(state, "mara"), "resume": resume, "retry": retry}
        now = acts[act](self.state) if act in acts else None
        self.state = now or self.state
        return now is not None

    def phase(self, *phases: str) -> list[str]:
        return [name for name, each in self.state.members.items() if each.phase in phases]

    def go_on_to(self, wave: int) -> None:
        """Lets all go well until a wave has begun."""
        for _ in range(200):
            if self.state.wave == wave:
                return
            self.look()
            if self.state.wave < wave:
                self.install()
        raise AssertionError(self.state.reason)


def test_waves_follow_each_other_until_all_have_it() -> None:
    fleet = Fleet.of(10, plan_of())
    asked_in: list[int] = []
    for _ in range(30):
        if orders := fleet.look():
            asked_in.append(len(orders))
        fleet.install()
    assert asked_in == [1, 4, 5]
    assert fleet.state.status == "done"
    assert len(fleet.phase("running")) == 10
    assert fleet.told[-1] == "rollout of new: done"


def test_no_wave_follows_silence() -> None:
    fleet = Fleet.of(10, plan_of())
    fleet.evidence = Evidence(items=49)
    for _ in range(1_000):
        fleet.look()
        fleet.install()
    assert (fleet.state.wave, fleet.state.reason) == (0, "49 of 50 items are decided with it")
    fleet.evidence = Evidence(items=50)
    fleet.look()
    assert fleet.state.wave == 1


def test_a_restart_does_not_fill_the_time_that_devices_are_to_be_observed_for() -> None:
    fleet = Fleet.of(4, plan_of())
    fleet.look()
    fleet.install()
    fleet.look()
    fleet.at += 1e6  # the server was away, or somebody set its clock
    fleet.look(0)
    assert fleet.state.reason == "runs for 0 of 20 s"
    fleet.look()
    fleet.look()
    assert fleet.state.wave == 1


def test_what_may_be_chance_is_waited_for_and_what_is_worse_stops_it_everywhere() -> None:
    fleet = Fleet.of(10, plan_of())
    fleet.go_on_to(1)
    fleet.install()
    fleet.evidence = Evidence(60, doubtful=("reviews: +4 points",))
    for _ in range(20):
        fleet.look()
    assert fleet.state.reason == "in doubt: reviews: +4 points"
    fleet.evidence = Evidence(90, worse=("reviews: +9 points",))
    orders = fleet.look()
    assert len(orders) == 5
    assert all(order.is_recall and order.release == "old" for order in orders)
    assert (fleet.state.status, fleet.state.reason) == ("stopped", "reviews: +9 points")
    fleet.install(*(order.device for order in orders))
    fleet.look()
    assert len(fleet.phase("back")) == 5


def test_failures_up_to_the_share_are_borne_and_above_it_stop_it() -> None:
    plan = plan_of("100%", gates={"failed": 0.05, "soak_s": 0, "installed": 0.9})
    fleet = Fleet.of(40, plan)
    fleet.look()
    names = fleet.phase("asked")
    fleet.install(*names[3:30])
    for name in names[:2]:
        fleet.refuse(name)
    fleet.look()
    assert (fleet.state.status, len(fleet.phase("failed"))) == ("running", 2)
    fleet.refuse(names[2])
    orders = fleet.look()
    assert fleet.state.status == "stopped"
    assert "3 of 40 devices of wave 1 failed" in fleet.state.reason
    assert "golden image 3 differs" in fleet.state.reason
    # Who was still updating is recalled, and who refused is asked for it no more.
    assert sorted(order.device for order in orders) == sorted(names[:3] + names[30:])
    assert len(fleet.phase("running")) == 27


def test_a_device_that_goes_back_by_itself_has_failed() -> None:
    fleet = Fleet.of(4, plan_of())
    fleet.look()
    (first,) = fleet.phase("asked")
    fleet.install()
    fleet.look()
    fleet.set(first, running="old", update="refused", reason="the floor's figures were worse")
    fleet.look()
    assert fleet.state.status == "stopped"
    assert "the floor's figures were worse" in fleet.state.reason


@pytest.mark.parametrize(
    ("answers", "told"), [(False, "did not answer within 600 s"), (True, "did not finish")]
)
def test_who_takes_too_long_has_failed_but_only_while_it_is_there(answers: bool, told: str) -> None:
    fleet = Fleet.of(4, plan_of())
    fleet.look()
    (first,) = fleet.phase("asked")
    if answers:
        fleet.set(first, answered=fleet.facts[first].version, update="downloading")
    fleet.set(first, is_online=False)
    for _ in range(1_000):
        fleet.look()
    assert (fleet.state.status, fleet.state.reason) == ("running", "its devices are off-line")
    fleet.set(first, is_online=True)
    for _ in range(370):
        fleet.look()
    assert fleet.state.status == "stopped"
    assert told in fleet.state.reason
    assert fleet.facts[first].desired == "old"


def test_who_is_away_comes_with_a_later_wave_or_by_itself_at_the_end() -> None:
    fleet = Fleet.of(10, plan_of())
    fleet.go_on_to(1)
    away = fleet.phase("asked")[0]
    fleet.set(away, is_online=False)
    fleet.install()
    fleet.go_on_to(2)
    assert fleet.state.members[away].wave == 2
    for _ in range(10):
        fleet.look()
        fleet.install()
    assert fleet.state.status == "done"
    fleet.set(away, is_online=True)  # the release that it finds asked for is the newest
    assert fleet.facts[away].desired == "new"
    fleet.install(away)
    fleet.look()
    assert len(fleet.phase("running")) == 10


def test_what_somebody_asked_otherwise_is_theirs() -> None:
    fleet = Fleet.of(4, plan_of())
    fleet.look()
    (first,) = fleet.phase("asked")
    fleet.set(first, desired="other", version=99)
    for _ in range(10):
        assert fleet.look() == []
    assert fleet.phase("overruled") == [first]
    assert fleet.state.reason == "has no devices that are its to tell"
    fleet.take(abort(fleet.plan, fleet.state, "mara", Moment(0, 0)))
    assert fleet.orders == []


def test_devices_that_join_later_come_with_a_later_wave() -> None:
    fleet = Fleet.of(4, plan_of())
    fleet.go_on_to(1)
    for k in range(6):
        fleet.facts[f"late{k}"] = Fact("old", None, 0, 0, None)
    fleet.install()
    fleet.go_on_to(2)
    for _ in range(10):
        fleet.look()
        fleet.install()
    assert (fleet.state.status, len(fleet.phase("running"))) == ("done", 10)
    assert fleet.state.members["late0"].previous == "old"


def test_only_so_many_update_at_once() -> None:
    fleet = Fleet.of(10, plan_of("100%", at_once=3))
    most = 0
    for _ in range(20):
        fleet.look()
        most = max(most, len(fleet.phase("asked", "updating")))
        fleet.install(*fleet.phase("asked")[:1])
    assert most == 3
    assert fleet.state.status == "done"


def test_outside_its_window_nobody_is_asked() -> None:
    fleet = Fleet.of(4, plan_of())
    for _ in range(5):
        assert fleet.look(is_open=False) == []
    assert fleet.state.reason == "waits for its window"
    assert len(fleet.look()) == 1
    fleet.install()
    for _ in range(10):
        assert fleet.look(is_open=False) == []
    assert fleet.state.wave == 0
    night = Window.model_validate({"begins": "22:00", "ends": "05:00"})
    assert [night.holds(night.begins), night.holds(night.ends)] == [True, False]
    assert [night.holds(night.ends.replace(hour=h)) for h in (0, 4, 12, 21, 23)] == [
        True, True, False, False, True,
    ]  # fmt: skip


def test_a_pause_asks_nobody_and_still_stops_what_is_worse() -> None:
    fleet = Fleet.of(10, plan_of())
    fleet.go_on_to(1)
    paused = pause(fleet.state, "mara")
    assert paused is not None
    assert pause(paused, "jan") is None
    fleet.state = paused
    fleet.install()
    for _ in range(20):
        assert fleet.look() == []
    assert (fleet.state.wave, fleet.state.status) == (1, "paused")
    going = resume(fleet.state)
    assert going is not None
    assert resume(going) is None
    fleet.evidence = Evidence(90, worse=("labels: +9 points",))
    fleet.look()
    assert fleet.state.status == "stopped"


def test_what_is_stopped_goes_on_when_a_person_says_so() -> None:
    fleet = Fleet.of(4, plan_of())
    fleet.look()
    (first,) = fleet.phase("asked")
    fleet.refuse(first)
    fleet.look()
    assert fleet.state.status == "stopped"
    for _ in range(50):
        assert fleet.look() == []
    again = retry(fleet.state)
    assert again is not None
    fleet.state = again
    assert [order.device for order in fleet.look()] == [first]
    fleet.install()
    fleet.go_on_to(1)


def test_an_abort_takes_it_back_from_who_updates_or_from_all() -> None:
    def begun() -> Fleet:
        fleet = Fleet.of(10, plan_of())
        fleet.go_on_to(1)
        return fleet

    fleet = begun()
    fleet.take(abort(fleet.plan, fleet.state, "mara", Moment(0, 0)))
    assert len(fleet.orders) == 4
    assert fleet.phase("running") != []
    assert fleet.phase("asked", "updating") == []
    assert fleet.state.status == "aborted"
    assert retry(fleet.state) is None
    fleet = begun()
    fleet.take(abort(fleet.plan, fleet.state, "mara", Moment(0, 0), everywhere=True))
    assert len(fleet.orders) == 5


DEVICES = tuple(f"d{k:03}" for k in range(8))
ACTS = st.sampled_from(
    # What lets it go on comes more often: else it would never be far.
    ["others install"] * 6 + ["all install", "good", "open", "answer", "leave", "nothing"] * 3
    + ["all come", "install", "answer", "refuse", "roll back", "leave", "come", "overrule"]
    + ["pause", "resume", "retry", "abort", "good", "bad", "doubt", "silence", "close", "open"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    waves=st.sampled_from(["1,100%", "3,100%", "2,4,100%", "d003,50%,90%", "100%", "d000+d001,5"]),
    at_once=st.integers(1, 8),
    acts=st.lists(st.tuples(ACTS, st.sampled_from(DEVICES)), min_size=40, max_size=80),
)
def test_whatever_happens(waves: str, at_once: int, acts: list[tuple[str, str]]) -> None:
    gates = Gates(installed=0.5, failed=0.2, soak_s=TICK_S, min_items=10)
    fleet = Fleet.of(len(DEVICES), plan_of(waves, at_once=at_once, gates=gates))
    is_open = True

    devices: dict[str, Callable[[str], None]] = {
        "install": fleet.install,
        "answer": lambda d: fleet.set(d, answered=fleet.facts[d].version, update="downloading"),
        "refuse": fleet.refuse,
        "roll back": lambda d: fleet.set(d, running="old", update="refused"),
        "leave": lambda d: fleet.set(d, is_online=False),
        "come": lambda d: fleet.set(d, is_online=True),
        "overrule": lambda d: fleet.set(d, desired="other", version=fleet.facts[d].version + 1),
    }
    evidences = {
        "good": ENOUGH,
        "bad": Evidence(100, worse=("reviews",)),
        "doubt": Evidence(100, doubtful=("reviews",)),
        "silence": SILENCE,
    }
    for act, device in acts:
        before = fleet.state
        if act in devices:
            devices[act](device)
        elif act == "all install":
            fleet.install()
        elif act == "others install":
            for name in fleet.phase("asked", "updating"):
                if name != device:
                    fleet.install(name)
        elif act == "all come":
            for name in fleet.facts:
                fleet.set(name, is_online=True)
        elif act in evidences:
            fleet.evidence = evidences[act]
        elif act in ("close", "open"):
            is_open = act == "open"
        elif fleet.person(act):
            before = fleet.state
        wanted = {name: fact.desired for name, fact in fleet.facts.items()}
        orders = fleet.look(is_open=is_open)
        check(fleet, before, orders, wanted, at_once=at_once, is_open=is_open)


def check(
    fleet: Fleet,
    before: State,
    orders: list[Order],
    wanted: dict[str, str | None],
    *,
    at_once: int,
    is_open: bool,
) -> None:
    """What holds after each look."""
    after = fleet.state
    assert len({order.device for order in orders}) == len(orders)
    assert after.wave in (before.wave, before.wave + 1)
    updating = [each for each in after.members.values() if each.phase in IN_FLIGHT]
    assert {each.wave for each in updating} <= {after.wave}
    there = [n for n in fleet.phase("asked", "updating") if fleet.facts[n].is_online]
    newly = [order for order in orders if not order.is_recall]
    assert not newly or len(there) <= at_once
    if before.status in OVER:  # a stop is final until a person acts
        assert (after.status, after.wave) == (before.status, before.wave)
    if after.status in ("stopped", "aborted"):
        assert updating == []
        assert newly == []
    if newly:
        assert is_open
        assert after.status == "running"
    if after.wave > before.wave >= 0:
        assert is_open
        passed = [each for each in before.members.values() if each.wave == before.wave]
        ran = [n for n, e in after.members.items() if e.phase == "running"]
        assert not passed or ran
        assert fleet.evidence is ENOUGH or not passed
        assert sum(e.phase in LOST for e in passed) <= 0.2 * len(passed)
    for order in orders:  # who was asked for something else is left alone
        assert wanted[order.device] in ("old", "new", "other")
        assert before.members.get(order.device) is None or (
            before.members[order.device].phase != "overruled"
        )
