"""The table of updates: its ways one by one, and anything in any order."""

from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from beltmark.contract.terms import UpdateState
from edge_agent.update.machine import (
    LEAVING,
    MAX_STARTS,
    RESUMING,
    TABLE,
    Effect,
    Event,
    Progress,
    Result,
    ResultKind,
    Started,
    Wanted,
    advance,
    pause_s,
)

STATES: tuple[UpdateState, ...] = get_args(UpdateState)
KINDS: tuple[ResultKind, ...] = get_args(ResultKind)
WORK: dict[Effect, ResultKind] = {
    "fetch": "staged",
    "verify": "verified",
    "accept": "accepted",
    "offer": "adopted",
}


def run(*events: Event, start: Progress | None = None) -> tuple[Progress, list[Effect]]:
    progress, effects = start or Progress(), []
    for event in events:
        progress, more = advance(progress, event)
        effects += more
    return progress, effects


def at(state: UpdateState, version: int = 3, **more: object) -> Progress:
    return Progress(desired_version=version, release="new", state=state, **more)  # type: ignore[arg-type]


def test_the_way_to_running() -> None:
    wanted = Wanted(1, "new", "old")
    ways = [Result(kind, 1) for kind in ("staged", "verified", "accepted", "adopted")]
    progress, effects = run(wanted, *ways)
    assert effects == ["fetch", "verify", "accept", "offer", "activate"]
    assert (progress.state, progress.release, progress.desired_version) == ("running", "new", 1)


@pytest.mark.parametrize(("state", "kind"), sorted(TABLE))
def test_what_is_refused_says_why_and_is_cleaned_away(state: UpdateState, kind: ResultKind) -> None:
    progress, effects = advance(at(state), Result(kind, 3, "because"))
    assert progress.state == TABLE[state, kind].state
    if kind == "refused":
        assert (progress.state, progress.reason) == ("refused", "because")
        assert "drop" in effects


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_result_of_other_work_changes_nothing(state: UpdateState, kind: ResultKind) -> None:
    before = at(state, version=3)
    assert advance(before, Result(kind, 2)) == (before, ())
    if (state, kind) not in TABLE:
        assert advance(before, Result(kind, 3)) == (before, ())


def test_without_an_answer_it_stays_and_tries_again_ever_more_seldom() -> None:
    progress, effects = run(
        Wanted(1, "new", "old"), *[Result("unreachable", 1, "connection refused")] * 3
    )
    assert (progress.state, progress.reason) == ("downloading", "connection refused")
    assert (progress.attempts, effects) == (3, ["fetch", *["fetch_later"] * 3])
    again, effects = run(Result("retry", 1), start=progress)
    assert effects == ["fetch"]
    assert (again.state, again.reason) == ("downloading", "connection refused")


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_pause_is_bounded_and_grows(attempts: int, jitter: float) -> None:
    assert 1 <= pause_s(attempts, jitter) <= 300
    assert pause_s(attempts, jitter) <= pause_s(attempts + 1, jitter)


@pytest.mark.parametrize("state", STATES)
def test_what_is_older_or_of_another_name_is_stale_in_any_state(state: UpdateState) -> None:
    before = at(state)
    assert advance(before, Wanted(2, "older", "old")) == (before, ("tell_stale",))
    assert advance(before, Wanted(3, "other", "old")) == (before, ("tell_stale",))


@pytest.mark.parametrize("state", STATES)
def test_what_is_said_again_is_a_nudge_at_most(state: UpdateState) -> None:
    before = at(state, reason="why")
    effects = ("fetch",) if state == "downloading" else ()
    assert advance(before, Wanted(3, "new", "old")) == (before, effects)


@pytest.mark.parametrize("state", STATES)
def test_a_newer_one_takes_the_place_of_any(state: UpdateState) -> None:
    before = at(state, attempts=7, starts=2, reason="why")
    progress, effects = advance(before, Wanted(4, "newer", "old"))
    assert progress == Progress(desired_version=4, release="newer", state="downloading")
    assert effects == (*LEAVING.get(state, ()), "fetch")


@pytest.mark.parametrize("state", STATES)
def test_what_runs_already_is_done_at_once(state: UpdateState) -> None:
    progress, effects = advance(at(state), Wanted(4, "old", "old"))
    assert (progress.state, progress.desired_version) == ("running", 4)
    assert effects == LEAVING.get(state, ())


def test_after_a_restart_nothing_is_believed_that_was_verified_before() -> None:
    for state in ("verifying", "accepting", "waiting"):
        progress, effects = advance(at(state), Started("old"))  # type: ignore[arg-type]
        assert (progress.state, effects) == ("verifying", ("verify",))
    progress, effects = advance(at("downloading", reason="no answer"), Started("old"))
    assert (progress.state, effects) == ("downloading", ("fetch",))


def test_after_a_restart_what_should_run_and_does_not_is_brought_back() -> None:
    progress, effects = advance(at("running"), Started("old", "slot a: model.onnx is damaged"))
    assert (progress.state, effects) == ("verifying", ("verify",))
    assert "damaged" in progress.reason
    progress, effects = advance(progress, Result("damaged", 3, "the slot is empty"))
    assert (progress.state, effects) == ("downloading", ("fetch_later",))


def test_after_a_restart_what_runs_runs_and_what_was_refused_is_refused() -> None:
    assert advance(at("running"), Started("new"))[0].state == "running"
    refused = at("refused", reason="too slow")
    assert advance(refused, Started("old")) == (refused, ())
    told, _ = advance(refused, Started("old", "slot a: is empty"))
    assert told.reason == "too slow; slot a: is empty"
    assert advance(Progress(), Started("old")) == (Progress(), ())


def test_what_may_take_the_station_down_is_not_tried_for_ever() -> None:
    progress = at("accepting")
    for _ in range(MAX_STARTS):
        progress, effects = advance(progress, Started("old"))
        assert (progress.state, effects) == ("verifying", ("verify",))
    progress, effects = advance(progress, Started("old"))
    assert (progress.state, effects) == ("refused", ("drop",))
    assert "started" in progress.reason


def test_each_state_leads_on_and_every_way_is_to_a_known_state() -> None:
    assert {way.state for way in (*TABLE.values(), *RESUMING.values())} <= set(STATES)
    for state in ("downloading", "verifying", "accepting", "waiting"):
        assert "refused" in {way.state for (before, _), way in TABLE.items() if before == state}
    # There is one way into running, and it is the station's word.
    assert [key for key, way in TABLE.items() if way.state == "running"] == [("waiting", "adopted")]


def test_a_reason_of_any_length_can_be_kept() -> None:
    progress, _ = advance(at("downloading"), Result("refused", 3, "x" * 100_000))
    assert len(progress.reason) <= 2_000
    assert Progress.model_validate_json(progress.model_dump_json()) == progress


class AnyOrder(RuleBasedStateMachine):
    """Wishes, restarts, and results true or false; what was asked for is the measure.

    The shell does just what effects say. A release has a right to run only when, since the last
    start and under one wish, it was staged (or found in its slot after a start), and then verified,
    accepted and adopted, each after being asked for.
    """

    names = st.sampled_from(["old", "new", "other"])

    def __init__(self) -> None:
        super().__init__()
        self.progress = Progress()
        self.running = "old"
        self.asked: dict[int, list[Effect]] = {}
        self.proven: list[tuple[int, ResultKind]] = []

    def feed(self, event: Event) -> None:
        before = self.progress
        self.progress, effects = advance(before, event)
        assert (self.progress, effects) == advance(before, event)
        asked = self.asked.setdefault(self.progress.desired_version, [])
        asked += effects
        if "activate" in effects:
            self.judge(before)
            self.running = self.progress.release
        assert self.progress.desired_version >= before.desired_version

    def judge(self, before: Progress) -> None:
        """The chain of proofs must be whole: each after the other, none skipped."""
        version = before.desired_version
        chain = [kind for v, kind in self.proven if v == version]
        assert chain[-3:] == ["verified", "accepted", "adopted"], chain

    @rule(version=st.integers(1, 6), release=names)
    def desire(self, version: int, release: str) -> None:
        if version > self.progress.desired_version:
            self.proven.clear()
        self.feed(Wanted(version, release, self.running))

    @rule(trouble=st.sampled_from(["", "slot a: is damaged"]))
    def start(self, trouble: str) -> None:
        self.proven.clear()
        self.asked.clear()
        if trouble:
            self.running = "old"  # the station file's own
        self.progress = Progress.model_validate_json(self.progress.model_dump_json())
        self.feed(Started(self.running, trouble))

    @rule(kind=st.sampled_from(KINDS), version=st.integers(0, 6))
    def end(self, kind: ResultKind, version: int) -> None:
        """Any result, whether it was asked for or not."""
        if version == self.progress.desired_version and (self.progress.state, kind) in TABLE:
            self.proven.append((version, kind))
        self.feed(Result(kind, version))

    @rule()
    def do_what_was_asked(self) -> None:
        asked = self.asked.get(self.progress.desired_version, [])
        if asked and (kind := WORK.get(asked[-1])) is not None:
            self.end(kind, self.progress.desired_version)

    @invariant()
    def what_is_told_is_true(self) -> None:
        if self.progress.state == "running":
            assert self.progress.release == self.running
        if self.progress.state == "refused":
            assert self.progress.desired_version > 0

    @invariant()
    def nothing_runs_that_was_not_proven(self) -> None:
        kinds = [kind for _, kind in self.proven]
        order = ["staged", "verified", "accepted", "adopted"]
        steps = [order.index(kind) for kind in kinds if kind in order]
        assert all(later <= sooner + 1 for sooner, later in pairwise(steps))


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
