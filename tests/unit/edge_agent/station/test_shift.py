import numpy as np
import pytest

from edge_agent.station.shift import Spot, common_shift_px

PLACES = [(100, 100, 0), (180, 110, 1), (150, 200, 2), (260, 180, 0)]


def spots(dx: float = 0, dy: float = 0, leave_out: int = -1) -> list[Spot]:
    scores = 0.9 * np.eye(3, dtype=np.float32) + np.float32(0.02)
    return [
        Spot(x + dx, y + dy, 50, scores[look])
        for i, (x, y, look) in enumerate(PLACES)
        if i != leave_out
    ]


@pytest.mark.parametrize("shift", [(0, 0), (40, -20), (130, 60), (-150, 0)])
@pytest.mark.parametrize("leave_out", [-1, 0, 3])
def test_the_shift_of_the_picture_is_found(shift: tuple[int, int], leave_out: int) -> None:
    found = common_shift_px(spots(), spots(*shift, leave_out=leave_out))
    assert found == pytest.approx(shift, abs=1e-6)


def test_one_item_that_moves_among_resting_ones_is_no_shift() -> None:
    moved = [*spots(leave_out=3), Spot(300, 200, 50, spots()[3].class_scores)]
    assert common_shift_px(spots(), moved) == (0, 0)


def test_an_item_taken_and_another_laid_far_away_is_no_shift() -> None:
    before, now = spots()[:1], spots(300, 100)[:1]
    assert common_shift_px(before, now) == (0, 0)


def test_another_look_is_another_item() -> None:
    assert common_shift_px(spots()[:1], spots(-40, -10)[1:2]) == (0, 0)


def test_nothing_seen_is_no_shift() -> None:
    assert common_shift_px([], spots()) == (0, 0)
    assert common_shift_px(spots(), []) == (0, 0)
