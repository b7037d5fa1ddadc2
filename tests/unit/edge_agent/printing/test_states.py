from itertools import product
from typing import get_args

import pytest

from beltmark.contract.messages import PrintState
from edge_agent.printing.states import (
    FINAL,
    IN_PRINTER,
    TRANSITIONS,
    IllegalTransition,
    check_transition,
)

STATES: tuple[PrintState, ...] = get_args(PrintState)

LEGAL = {
    ("decided", "queued"),
    ("decided", "sending"),
    ("decided", "failed"),
    ("decided", "late"),
    ("queued", "sending"),
    ("queued", "failed"),
    ("queued", "late"),
    ("sending", "sent"),
    ("sending", "unknown"),
    ("sending", "queued"),
    ("sending", "late"),
    ("sent", "printed"),
    ("sent", "unknown"),
    ("unknown", "printed"),
    ("unknown", "failed"),
    ("unknown", "queued"),
}


def test_the_table_knows_every_state() -> None:
    assert set(TRANSITIONS) == set(STATES)


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_every_way_is_open_or_closed(before: PrintState, after: PrintState) -> None:
    if (before, after) in LEGAL:
        check_transition("item", before, after)
    else:
        with pytest.raises(IllegalTransition, match=f"{before} does not lead to {after}"):
            check_transition("item", before, after)


def test_what_may_have_left_for_the_printer_is_never_just_sent_again() -> None:
    """Only a proof leads back: nothing left (from sending), or nothing came out (from unknown)."""
    assert {state for state in STATES if "sending" in TRANSITIONS[state]} == {"decided", "queued"}
    assert {state for state in STATES if "queued" in TRANSITIONS[state]} - {"decided"} == {
        "sending",
        "unknown",
    }


def test_every_state_leads_to_an_end() -> None:
    assert set(FINAL) == {"printed", "failed", "late"}
    for state in STATES:
        reached, ways = {state}, [state]
        while ways:
            new = TRANSITIONS[ways.pop()] - reached
            reached |= new
            ways += new
        assert reached & FINAL
    assert not IN_PRINTER & FINAL
