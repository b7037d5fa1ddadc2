import pytest

from beltmark.simulation.permit import RunPermit


def test_nothing_runs_before_the_first_word() -> None:
    permit = RunPermit()
    assert not permit.holds(0.0)
    assert permit.running_s(0.0, 10.0) == 0.0


def test_one_word_holds_for_a_second() -> None:
    permit = RunPermit()
    permit.renew(5.0)
    assert permit.holds(5.99)
    assert not permit.holds(6.01)
    assert permit.running_s(4.0, 8.0) == pytest.approx(1.0)
    assert permit.running_s(5.8, 6.2) == pytest.approx(0.2)


def test_renewed_in_time_it_never_stops() -> None:
    permit = RunPermit()
    ran = 0.0
    for step in range(40):
        permit.renew(step * 0.5)
        ran += permit.running_s(step * 0.5, step * 0.5 + 0.5)
    assert ran == pytest.approx(20.0)


def test_after_a_gap_it_runs_from_the_new_word_only() -> None:
    permit = RunPermit()
    permit.renew(0.0)
    permit.renew(5.0)
    assert permit.running_s(4.0, 5.5) == pytest.approx(0.5)
