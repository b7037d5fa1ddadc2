"""The fallback ladder: when a station falls, and when it comes up again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.fallback.ladder import (
    RUNGS,
    CrashLimit,
    LadderState,
    Rung,
    end,
    from_rung,
    start,
)

LIMIT = CrashLimit(crashes=3, within_s=600)


def crash(state: LadderState, *times: float, allowed: tuple[Rung, ...] = RUNGS) -> LadderState:
    for at in times:
        state = start(state, at, "boot", LIMIT, allowed)
    return state


def test_the_first_start_is_on_the_release() -> None:
    state = start(LadderState(), 0.0, "boot", LIMIT, RUNGS)

    assert state.rung == "release"
    assert from_rung(state, RUNGS) == RUNGS


def test_dying_too_often_takes_it_one_rung_down_and_says_why() -> None:
    state = crash(LadderState(), 0, 10, 20)
    assert state.rung == "release"

    state = crash(state, 30)

    assert (state.rung, state.why) == ("previous", "the agent died 3 times on the release")
    assert crash(state, 40, 50).rung == "previous"
    assert crash(state, 40, 50, 60).rung == "barcode"


def test_rungs_that_a_station_does_not_have_are_passed_over() -> None:
    state = crash(LadderState(), 0, 10, 20, 30, allowed=("release", "person"))

    assert state.rung == "person"
    assert from_rung(state, ("release", "person")) == ("person",)


def test_dying_now_and_then_is_no_reason() -> None:
    assert crash(LadderState(), 0, 500, 1_200, 1_900, 2_600, 3_300).rung == "release"


def test_an_end_in_order_brings_it_back_to_the_top() -> None:
    state = end(crash(LadderState(), 0, 1, 2, 3))

    assert start(state, 4, "boot", LIMIT, RUNGS) == LadderState(running_in="boot")


def test_a_power_cut_is_not_the_releases_fault() -> None:
    state = LadderState()
    for boot in range(10):
        state = start(state, float(boot), f"boot {boot}", LIMIT, RUNGS)

    assert state.rung == "release"


def test_a_reboot_does_not_bring_it_up_again() -> None:
    state = crash(LadderState(), 0, 1, 2, 3)

    assert start(state, 4, "another boot", LIMIT, RUNGS).rung == "previous"


def test_on_the_last_rung_it_goes_on_trying_and_keeps_little() -> None:
    state = crash(LadderState(), *range(100), allowed=("release",))

    assert state.rung == "release"
    assert len(state.crashes) <= LIMIT.crashes


@pytest.mark.parametrize("rung", RUNGS)
def test_what_is_above_is_not_tried(rung: Rung) -> None:
    assert from_rung(LadderState(rung), RUNGS) == RUNGS[RUNGS.index(rung) :]


@given(st.lists(st.floats(0, 5_000), max_size=30), st.booleans())
def test_it_never_comes_up_by_dying(times: list[float], sets_clock: bool) -> None:
    state = LadderState(running_in="boot")
    lowest = 0
    for at in times if sets_clock else sorted(times):
        state = crash(state, at)
        assert RUNGS.index(state.rung) >= lowest
        lowest = RUNGS.index(state.rung)
