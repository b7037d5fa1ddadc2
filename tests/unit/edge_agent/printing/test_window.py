"""The print window, against times calculated by hand."""

import math

import pytest

from edge_agent.printing.window import Due, LabelPath, Window, print_time_s

# 300 mm from the line to the applicator, which reaches 30 mm further; 6 inches a second.
PATH = LabelPath(distance_mm=300.0, reach_mm=30.0, print_speed_mm_s=152.4, margin_s=0.1)


def test_a_label_of_150_mm_takes_a_second() -> None:
    assert print_time_s(150.0, 152.0) == pytest.approx(0.9868, abs=1e-4)
    assert print_time_s(150.0, 152.4, first_label_s=0.2) == pytest.approx(1.1843, abs=1e-4)


def test_where_nothing_is_held_a_label_must_leave_in_time_to_be_out_when_its_item_arrives() -> None:
    window = PATH.window(76.2, 150.0, can_hold=False, patience_s=0.5)
    # It arrives after 2 s, the label takes 0.5 s, and 0.1 s shall be left.
    assert window.send_within_s == pytest.approx(1.4)
    assert window.hold_after_s is None
    assert window.past_after_s == pytest.approx(2.2)


def test_a_label_that_takes_longer_than_its_item_is_never_sent() -> None:
    window = PATH.window(150.0, 400.0, can_hold=False, patience_s=0.5)
    assert window.send_within_s == 0.0


def test_a_belt_that_can_be_held_waits_for_the_label_under_the_applicator() -> None:
    window = PATH.window(150.0, 400.0, can_hold=True, patience_s=0.5)
    assert window.hold_after_s == pytest.approx(0.65)
    assert window.send_within_s == pytest.approx(1.15)
    assert window.past_after_s == pytest.approx(0.825)


def test_an_applicator_right_at_the_line_holds_at_once() -> None:
    path = LabelPath(distance_mm=10.0, reach_mm=0.0, print_speed_mm_s=152.4, margin_s=0.1)
    assert path.window(30.0, 500.0, can_hold=True, patience_s=0.5).hold_after_s == 0.0


def test_the_first_label_is_sent_so_much_earlier() -> None:
    slow = LabelPath(300.0, 30.0, 152.4, first_label_s=0.3, margin_s=0.1)
    assert slow.lead_s(76.2) == pytest.approx(PATH.lead_s(76.2) + 0.3)


@pytest.mark.parametrize(
    ("now", "held_since", "is_late"),
    [
        (100.4, None, False),
        (100.7, None, False),  # the belt may still be told in time
        (100.8, None, True),
        (100.8, 100.6, False),
        (100.8, 100.79, True),  # too late for this item
        (101.0, 100.6, True),  # waited for too long
    ],
)
def test_lateness(now: float, held_since: float | None, is_late: bool) -> None:
    due = Due.of(Window(1.0, 0.5), 100.0)
    assert due.is_slow(now) == (now >= 100.5)
    assert due.is_late(now, held_since) == is_late


def test_what_is_not_known_is_never_past() -> None:
    due = Due.of(Window(1.0), 100.0)
    assert (due.hold_from, due.past_at) == (math.inf, math.inf)
    assert not due.is_past(1e9, None)


@pytest.mark.parametrize(
    ("now", "held_since", "is_past"),
    [(101.9, None, False), (102.0, None, True), (102.5, 101.0, False), (102.5, 102.1, True)],
)
def test_an_item_that_was_not_held_has_passed(
    now: float, held_since: float | None, is_past: bool
) -> None:
    assert Due.of(Window(1.0, None, 2.0), 100.0).is_past(now, held_since) == is_past
