import pytest

from edge_agent.verification.belt_time import BeltTime


def test_it_passes_while_the_belt_runs_alone() -> None:
    belt = BeltTime()
    for at, runs in ((100.0, True), (102.0, True), (103.0, False), (108.0, False), (110.0, True)):
        belt.note(at, runs)
    seconds = [belt.at(at) - belt.at(100.0) for at in (101.0, 103.0, 107.0, 110.0, 112.0)]
    assert seconds == pytest.approx([1.0, 3.0, 3.0, 3.0, 5.0])


def test_what_was_before_the_first_note_is_as_if_it_ran() -> None:
    belt = BeltTime()
    belt.note(100.0, False)
    assert belt.at(100.0) - belt.at(98.5) == pytest.approx(1.5)


def test_a_clock_that_is_set_back_does_not_set_the_belt_back() -> None:
    belt = BeltTime()
    belt.note(100.0, True)
    belt.note(110.0, True)
    before = belt.at(110.0)
    belt.note(50.0, True)
    assert belt.at(51.0) == pytest.approx(before + 1.0)
