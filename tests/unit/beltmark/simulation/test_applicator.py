"""The simulated applicator: what lies there sticks when it is told to, and not before."""

from beltmark.simulation.applicator import Act, Applicator, ApplicatorPlan


def test_an_order_applies_what_lies_there_once() -> None:
    applicator = Applicator(ApplicatorPlan(acts_in_s=0.1))
    applicator.take(0, 0.5)
    applicator.order("a", 1.0)
    applicator.order("a", 1.09)
    assert applicator.advance(1.05) is None
    assert applicator.advance(1.1) == Act((0,), "a", is_applied=True)
    applicator.order("a", 1.2)
    applicator.take(1, 1.3)
    assert applicator.advance(9.0) is None, "the order for the first is none for the second"


def test_an_order_that_comes_before_its_label_waits_for_it() -> None:
    applicator = Applicator(ApplicatorPlan(acts_in_s=0.1))
    applicator.order("a", 0.0)
    assert applicator.advance(1.0) is None
    applicator.take(0, 1.0)
    assert applicator.advance(1.1) == Act((0,), "a", is_applied=True)


def test_a_missed_label_stays_and_sticks_to_the_next_item() -> None:
    applicator = Applicator(ApplicatorPlan(acts_in_s=0.0, misses=frozenset({1})))
    applicator.take(0, 0.0)
    applicator.order("a", 0.0)
    assert applicator.advance(5.0) is None
    applicator.take(1, 0.0)
    applicator.order("b", 5.0)
    assert applicator.advance(5.0) == Act((0, 1), "b", is_applied=True)


def test_a_missed_label_is_taken_away_by_a_person() -> None:
    plan = ApplicatorPlan(misses=frozenset({1}), cleared_after_s=2.0)
    applicator = Applicator(plan)
    applicator.take(0, 0.0)
    applicator.order("a", 0.0)
    assert applicator.advance(1.9) is None
    assert applicator.advance(2.0) == Act((0,), None, is_applied=False)


def test_a_late_label_can_be_forbidden_in_time() -> None:
    applicator = Applicator(ApplicatorPlan(acts_in_s=0.0, late_s={1: 3.0, 2: 3.0}))
    applicator.take(0, 0.0)
    applicator.order("a", 0.0)
    applicator.cancel("b", 1.0)
    assert applicator.advance(2.9) is None
    assert applicator.advance(3.0) == Act((0,), "a", is_applied=True)
    applicator.take(1, 0.0)
    applicator.order("b", 10.0)
    applicator.cancel("b", 11.0)
    assert applicator.advance(60.0) is None


def test_a_lost_label_is_on_nothing() -> None:
    applicator = Applicator(ApplicatorPlan(acts_in_s=0.0, loses=frozenset({1})))
    applicator.take(0, 0.0)
    applicator.order("a", 0.0)
    assert applicator.advance(0.0) == Act((0,), None, is_applied=False)
