"""One label at the applicator: what may follow on what."""

import pytest

from edge_agent.outputs.handshake import Effect, Handshake


def waiting() -> Handshake:
    handshake = Handshake(timeout_s=1.5)
    handshake.advance(0.0, stands=False)
    handshake.expect("a")
    assert handshake.came_out("a") == [Effect("apply", "a")]
    return handshake


def whats(effects: list[Effect]) -> list[tuple[str, str]]:
    return [(effect.what, effect.item_id) for effect in effects]


@pytest.mark.parametrize("named", ["a", None])
def test_a_label_that_is_applied_lets_the_next_be_sent(named: str | None) -> None:
    handshake = waiting()
    assert whats(handshake.applied(named)) == [("applied", "a")]
    assert handshake.standing == "free"


def test_another_items_name_confirms_nothing() -> None:
    handshake = waiting()
    assert handshake.applied("b") == []
    assert handshake.standing == "waiting"


def test_none_in_time_sends_the_item_to_a_person_and_holds_until_it_is_clear() -> None:
    handshake = waiting()
    assert handshake.advance(1.4, stands=False) == []
    assert whats(handshake.advance(1.6, stands=False)) == [("cancel", "a"), ("not_applied", "a")]
    assert "remove it" in handshake.told
    handshake.expect("b")
    assert handshake.standing == "stuck"
    assert handshake.applied("a") == []
    assert "applied too late" in handshake.told
    assert handshake.standing == "stuck"
    assert whats(handshake.cleared("a person")) == [("cleared", "a")]
    assert handshake.standing == "free"


def test_time_counts_only_while_the_belt_runs() -> None:
    handshake = waiting()
    assert handshake.advance(60.0, stands=True) == []
    assert handshake.advance(61.0, stands=False) == []
    assert whats(handshake.advance(62.0, stands=False)) == [("cancel", "a"), ("not_applied", "a")]


def test_a_fault_needs_no_waiting() -> None:
    handshake = waiting()
    assert whats(handshake.failed("jammed")) == [("cancel", "a"), ("not_applied", "a")]
    assert handshake.failed("jammed") == []


def test_a_label_that_nobody_wants_waits_for_a_person_at_once() -> None:
    handshake = Handshake(timeout_s=1.5)
    handshake.expect("a")
    assert whats(handshake.came_out("a", "its item has gone to a person")) == [("cancel", "a")]
    assert handshake.standing == "stuck"


def test_a_label_cleared_while_it_waits_was_not_applied() -> None:
    handshake = waiting()
    assert whats(handshake.cleared("the applicator")) == [
        ("cancel", "a"), ("not_applied", "a"), ("cleared", "a"),
    ]  # fmt: skip
    assert handshake.standing == "free"


def test_one_applied_before_the_printer_was_asked_is_not_forgotten() -> None:
    handshake = Handshake(timeout_s=1.5)
    handshake.expect("a")
    assert handshake.applied(None) == []
    assert whats(handshake.came_out("a")) == [("applied", "a")]
    handshake.expect("b")
    assert whats(handshake.came_out("b")) == [("apply", "b")]


def test_a_label_that_never_comes_out_makes_room() -> None:
    handshake = Handshake(timeout_s=1.5)
    handshake.expect("a")
    handshake.gone("b")
    assert handshake.standing == "expecting"
    handshake.gone("a")
    assert handshake.standing == "free"


def test_what_is_said_of_nothing_changes_nothing() -> None:
    handshake = Handshake(timeout_s=1.5)
    assert handshake.applied("a") == handshake.failed("x") == handshake.cleared("a person") == []
    assert handshake.standing == "free"


def test_a_label_that_comes_out_onto_another_is_not_applied() -> None:
    handshake = Handshake(timeout_s=1.5)
    handshake.expect("b")  # as the spare printer is about to print it, the first one prints late
    assert whats(handshake.came_out("a", "its item has gone to a person")) == [("cancel", "a")]
    assert whats(handshake.came_out("b")) == [("cancel", "b"), ("not_applied", "b")]
    assert handshake.standing == "stuck"
    assert "a and b" in handshake.told
    assert whats(handshake.cleared("a person")) == [("cleared", "b")]


def test_neither_is_one_onto_which_another_comes_out() -> None:
    handshake = waiting()
    assert whats(handshake.came_out("z", "from before the start")) == [
        ("cancel", "a"), ("not_applied", "a"), ("cancel", "z"),
    ]  # fmt: skip
    assert handshake.standing == "stuck"
