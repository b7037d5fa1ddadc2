"""The beam across a simulated belt: what it tells of items that pass, and its faults."""

import pytest

from beltmark.simulation.beam import Beam, BeamEdge, BeamPlan

SPEED_MM_S = 100.0


def passing(plan: BeamPlan, starts_mm: list[float], length_mm: float = 50.0) -> list[BeamEdge]:
    """Items whose fronts begin there, over a beam at 100 mm, looked at ten times a second."""
    beam = Beam(plan, 100.0)
    told = []
    for step in range(60):
        at_s = step / 10
        ends = {
            number: (start + SPEED_MM_S * at_s, start + SPEED_MM_S * at_s - length_mm)
            for number, start in enumerate(starts_mm, start=1)
        }
        told += beam.advance(ends, at_s, SPEED_MM_S)
    assert beam.edges == told
    return told


def test_each_item_breaks_it_from_its_front_to_its_rear() -> None:
    told = passing(BeamPlan(), [25.0, -133.0])
    assert [edge.is_broken for edge in told] == [True, False, True, False]
    assert [edge.at_s for edge in told] == pytest.approx([0.75, 1.25, 2.33, 2.83])


def test_items_that_touch_break_it_once() -> None:
    told = passing(BeamPlan(), [25.0, -20.0])
    assert [edge.is_broken for edge in told] == [True, False]


def test_it_can_miss_bounce_and_say_nothing() -> None:
    assert len(passing(BeamPlan(missed=[1]), [25.0, -133.0])) == 2
    bounced = passing(BeamPlan(bouncing=[2]), [25.0, -133.0])
    assert [edge.is_broken for edge in bounced] == [True, False] * 4
    assert passing(BeamPlan(is_silent=True), [25.0]) == []


def test_an_item_that_is_taken_off_out_of_it_closes_it() -> None:
    beam = Beam(BeamPlan(), 100.0)
    assert beam.advance({1: (120.0, 70.0)}, 1.0, 0.0) == [BeamEdge(1.0, True)]
    assert beam.advance({}, 2.0, 0.0) == [BeamEdge(2.0, False)]
