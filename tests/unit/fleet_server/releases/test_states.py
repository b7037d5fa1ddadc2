"""The table of a release's states, and what approval needs."""

from itertools import product
from typing import get_args

import pytest

from beltmark.contract.errors import InputError
from beltmark.contract.gate import CriterionResult, Decision, GateDocument
from fleet_server.releases.evidence import Evidence, check_approval
from fleet_server.releases.states import USABLE, ReleaseAct, ReleaseState, acts, after

STATES, ACTS = get_args(ReleaseState), get_args(ReleaseAct)
SHA = "a" * 64


def verdict(*, passed: bool, kind: str = "gate", reason: str = "") -> Evidence:
    failed = CriterionResult(
        name="recall of carton", kind="floor", bound=0.9, confidence=0.95, passed=False, reason=""
    )
    decision = Decision(
        number=0,
        previous="0" * 64,
        kind=kind,
        decided_at="2026-11-30T10:00:00",
        decided_by="nina",
        candidate="blob",
        candidate_sha256=SHA,
        charter="belts",
        charter_sha256=SHA,
        dataset="d",
        dataset_sha256=SHA,
        passed=passed,
        criteria=() if passed else (failed,),
        reason=reason,
    )
    return Evidence(gate=GateDocument(decision=decision, decision_sha256=SHA))


def test_recalled_is_for_good_and_can_be_reached_from_everywhere():
    assert acts("recalled") == ()
    for state in STATES:
        if state != "recalled":
            assert after(state, "recall") == "recalled"


def test_only_what_was_approved_becomes_usable():
    """From a draft, no act but `approve` leads to a state in which stations may run it."""
    reached = {"draft"}
    while True:
        more = {
            state
            for held, act in product(reached, ACTS)
            if act != "approve" and (state := after(held, act)) is not None
        } - reached
        if not more:
            break
        reached |= more
    assert reached & USABLE == set()


def test_what_a_person_can_do_is_what_the_table_has():
    for state in STATES:
        for act in acts(state):
            assert after(state, act) in STATES


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        (Evidence(), "no gate has judged it"),
        (verdict(passed=False), "the gate failed it: recall of carton"),
    ],
)
def test_without_a_gate_that_passed_it_an_override_is_needed(evidence, told):
    with pytest.raises(InputError, match=told):
        check_approval(evidence, "mara", "mara", " ", second_person=False)
    check_approval(evidence, "mara", "mara", "the old one is worse", second_person=False)


@pytest.mark.parametrize(
    "evidence",
    [verdict(passed=True), verdict(passed=True, kind="override", reason="the lamp was off")],
)
def test_what_the_gate_or_its_override_let_pass_needs_no_other(evidence):
    check_approval(evidence, "mara", "mara", "", second_person=False)


def test_a_second_person_is_another_one_wherever_they_ask():
    with pytest.raises(InputError, match="mara added it, and here a second person approves"):
        check_approval(
            verdict(passed=True), "mara at the command line", "mara", "", second_person=True
        )
    check_approval(verdict(passed=True), "mara at the command line", "ben", "", second_person=True)
