from itertools import product
from typing import get_args

import pytest

from beltmark.contract.terms import LabelState
from edge_agent.printing.states import (
    IN_PRINTER,
    PRINT_STATES,
    SETTLED,
    TRANSITIONS,
    UNSETTLED,
    Confirmed,
    IllegalTransition,
    check_transition,
)

STATES: tuple[LabelState, ...] = get_args(LabelState)

LEGAL: dict[str, str] = {
    "decided": "queued sending failed late",
    "queued": "sending failed late",
    "sending": "sent unknown queued late",
    "sent": "printed unknown",
    "unknown": "printed failed queued voided diverted",
    "printed": "applied verified voided diverted",
    "applied": "verified voided diverted",
    "verified": "voided",
    "failed": "voided diverted",
    "late": "voided diverted",
    "voided": "diverted",
    "diverted": "voided",
}


def test_the_table_knows_every_state() -> None:
    assert set(TRANSITIONS) == set(STATES) == {*PRINT_STATES, *get_args(Confirmed), "voided"}


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_every_way_is_open_or_closed(before: LabelState, after: LabelState) -> None:
    if after in LEGAL[before].split():
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


def test_the_printer_is_done_with_a_label_for_ever() -> None:
    assert set(SETTLED) == set(STATES) - UNSETTLED
    assert IN_PRINTER < UNSETTLED
    assert all(TRANSITIONS[state] <= SETTLED for state in SETTLED)


def test_every_state_leads_to_an_end() -> None:
    for state in UNSETTLED:
        reached, ways = {state}, [state]
        while ways:
            new = TRANSITIONS[ways.pop()] - reached
            reached |= new
            ways += new
        assert reached & SETTLED
