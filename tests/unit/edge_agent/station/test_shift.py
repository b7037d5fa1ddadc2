import numpy as np
import pytest

from edge_agent.station.shift import Along, Spot, common_shift_px, likeness

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


@pytest.mark.parametrize("shift", [(70, 30), (-30, 95)])
def test_the_shift_is_found_among_many_of_the_same_looks(shift: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    looks = np.array([0.9, 0.1, 0.02], np.float32)
    places = [(40 * i + rng.uniform(-8, 8), 40 * j) for i in range(6) for j in range(5)]
    before = [Spot(x, y + rng.uniform(-8, 8), 30, looks) for x, y in places]
    now = [Spot(s.x_px + shift[0], s.y_px + shift[1], 30, looks) for s in before]
    assert common_shift_px(before, now) == pytest.approx(shift, abs=1e-6)


def test_spots_a_little_off_their_places_explain_the_shift_too() -> None:
    looks = np.array([0.9, 0.1, 0.02], np.float32)
    before = [Spot(100, 100, 30, looks), Spot(300, 150, 30, looks)]
    now = [Spot(163, 100, 30, looks), Spot(357, 150, 30, looks)]
    assert common_shift_px(before, now) == pytest.approx((60, 0), abs=4)


def test_what_is_seen_explains_one_item_only() -> None:
    looks = np.array([0.9, 0.1, 0.02], np.float32)
    before = [Spot(100, 100, 30, looks), Spot(110, 100, 30, looks)]
    belt = Along((1.0, 0.0), least_px=-10, most_px=120)
    assert common_shift_px(before, [Spot(165, 100, 30, looks)], belt) == (0, 0)


def test_on_a_belt_all_shift_along_it_or_not_at_all() -> None:
    belt = Along((1.0, 0.0), least_px=-10, most_px=60)
    assert common_shift_px(spots(), spots(40, 3), belt) == pytest.approx((40, 0), abs=1e-6)
    assert common_shift_px(spots(), spots(-40, 0), belt) == (0, 0)
    assert common_shift_px(spots(), spots(90, 0), belt) == (0, 0)


def test_likeness_is_a_cosine_and_nothing_is_like_nothing() -> None:
    one, other = np.array([3, 4], np.float32), np.array([4, 3], np.float32)
    assert likeness(one, one) == pytest.approx(1)
    assert likeness(one, other) == pytest.approx(0.96)
    assert likeness(one, np.zeros(2, np.float32)) == 0
