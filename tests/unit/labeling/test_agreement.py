from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.agreement import MIN_IOU, NOTHING, Judged, Tally, compare, consensus

CUP = Judged("cup", (10, 10, 20, 20))
TUBE_THERE = Judged("tube", (10, 10, 20, 20))
NEAR = Judged("cup", (11, 10, 20, 20))
FAR = Judged("cup", (60, 60, 20, 20))

boxes = st.builds(
    Judged,
    st.sampled_from(["cup", "tube"]),
    st.tuples(*[st.integers(0, 80)] * 2, *[st.integers(1, 40)] * 2),
)


def test_the_same_box_with_two_classes_is_one_disagreement() -> None:
    comparison = compare([CUP, FAR], [FAR, TUBE_THERE], MIN_IOU)
    assert comparison.same == Counter(cup=1)
    assert comparison.different == Counter({("cup", "tube"): 1})
    assert comparison.iou_sum == pytest.approx(2)


def test_a_box_that_one_did_not_draw() -> None:
    assert compare([CUP], [], MIN_IOU).different == Counter({("cup", NOTHING): 1})
    assert compare([], [CUP], MIN_IOU).different == Counter({(NOTHING, "cup"): 1})
    assert compare([CUP], [FAR], MIN_IOU).different == Counter(
        {("cup", NOTHING): 1, (NOTHING, "cup"): 1}
    )
    assert compare([], [], MIN_IOU).agree


def test_matching_takes_the_best_pairs_in_all_not_the_first() -> None:
    # Greedy by the largest IoU would pair the middle ones and leave both others alone.
    first = [Judged("cup", (0, 0, 10, 10)), Judged("cup", (3, 0, 10, 10))]
    second = [Judged("cup", (2, 0, 10, 10)), Judged("cup", (5.5, 0, 10, 10))]
    assert compare(first, second, MIN_IOU).agree


def test_a_pair_that_is_none_does_not_cost_one_that_is() -> None:
    # Together the two weak pairs (0.45 each) have more IoU than the one that counts (0.6).
    first = [Judged("a", (0, 0, 100, 10)), Judged("b", (75, 0, 100, 10))]
    second = [Judged("a", (38, 0, 100, 10)), Judged("b", (-37, 0, 100, 10))]
    matched = compare(first, second, 0.4)
    assert sum(matched.same.values()) + sum(matched.different.values()) >= 2


@given(st.lists(boxes, max_size=6), st.lists(boxes, max_size=6))
def test_every_box_is_counted_once_and_both_ways_alike(
    first: list[Judged], second: list[Judged]
) -> None:
    one, other = compare(first, second, MIN_IOU), compare(second, first, MIN_IOU)
    assert one.agree == other.agree
    drawn = sum(one.same.values()) + sum(n for (a, _), n in one.different.items() if a != NOTHING)
    assert drawn == len(first)
    assert one.iou_sum == pytest.approx(other.iou_sum)


@given(st.lists(boxes, max_size=6))
def test_one_agrees_with_oneself_in_any_order(drawn: list[Judged]) -> None:
    assert sum(compare(drawn, drawn[::-1], MIN_IOU).same.values()) == len(drawn)


def test_the_answer_nearest_to_all_stands_for_them_and_none_is_averaged() -> None:
    tally = Tally()
    answers = [("a", [Judged("cup", (8, 10, 20, 20))]), ("b", [CUP]), ("c", [NEAR])]
    assert consensus(answers, MIN_IOU, tally) == 1
    assert tally.images == {("a", "b"): (1, 1), ("a", "c"): (1, 1), ("b", "c"): (1, 1)}
    assert tally.by_class() == {"cup": 1.0}
    assert consensus([*answers, ("d", [FAR])], MIN_IOU, Tally()) is None
    assert consensus([("a", [CUP])], MIN_IOU, Tally()) == 0
    assert consensus([], MIN_IOU, Tally()) is None


def test_who_disagrees_with_whom_on_what() -> None:
    tally = Tally()
    consensus([("mara", [CUP, FAR]), ("jan", [TUBE_THERE])], MIN_IOU, tally)
    consensus([("jan", [CUP]), ("mara", [NEAR])], MIN_IOU, tally)
    assert tally.images == {("jan", "mara"): (2, 1)}
    assert tally.different == Counter({("cup", "tube"): 1, (NOTHING, "cup"): 1})
    assert tally.by_class() == {"cup": pytest.approx(2 / 4), "tube": 0.0}
    assert tally.mean_iou == pytest.approx((1 + 19 / 21) / 2)
