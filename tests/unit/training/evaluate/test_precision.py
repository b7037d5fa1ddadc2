"""The ignore rule, pairing, average precision by name, the precision/coverage curve."""

import numpy as np
from coco_judge import found, truth

from beltmark.contract.package import CurvePoint
from training.evaluate.matches import match
from training.evaluate.matching import Found, Truth, judged, pair
from training.evaluate.precision import (
    AveragePrecision,
    answers,
    average_precision,
    curve,
    threshold_for,
)

CLASSES = ("carton", "cup", "tube", "none")


def measured(given: list[Found], there: list[Truth]) -> AveragePrecision:
    return average_precision(match(given, there, len(CLASSES)), CLASSES)


def test_detections_in_ignored_regions_do_not_count_unless_they_fit_an_object() -> None:
    there = truth([[0, 0, 20, 20]], [0], ignored=[[0, 0, 50, 50]])
    given = found(
        [[1, 1, 20, 20], [1, 1, 20, 20], [30, 30, 45, 45], [45, 0, 60, 10], [80, 80, 90, 90]],
        [0, 1, 0, 0, 0],
        [0.9, 0.8, 0.7, 0.6, 0.5],
    )
    kept = judged(given, there)
    # Right class on an object; a third inside only; far away. Wrong class and no object are gone.
    np.testing.assert_allclose(kept.scores, [0.9, 0.6, 0.5])


def test_nothing_found_is_no_precision_and_all_found_is_full() -> None:
    there = [truth([[0, 0, 20, 20]], [0])]
    assert measured([found([], [], [])], there).ap50 == 0
    perfect = measured([found([[0, 0, 20, 20]], [0], [0.4])], there)
    assert perfect.ap50 == perfect.ap50_95 == 1
    assert perfect.objects == {"carton": 1}
    assert perfect.ap50_by_class == {"carton": 1}


def test_without_any_object_there_is_no_precision() -> None:
    assert measured([found([[0, 0, 9, 9]], [0], [0.4])], [truth([], [])]).ap50 == 0


def test_an_object_is_paired_once_with_the_best_answer() -> None:
    there = truth([[0, 0, 20, 20], [30, 0, 50, 20]], [0, 0])
    given = found([[0, 0, 20, 20], [0, 0, 20, 21], [31, 0, 50, 20]], [0, 0, 0], [0.9, 0.8, 0.7])
    assert pair(given, there, 0.5).tolist() == [0, -1, 1]


def test_the_curve_counts_answers_right_and_products_answered() -> None:
    there = [truth([[0, 0, 20, 20], [30, 0, 50, 20], [60, 0, 80, 20]], [0, 1, 3])]
    given = [
        found(
            [[0, 0, 20, 20], [30, 0, 50, 20], [60, 0, 80, 20], [90, 90, 99, 99]],
            [0, 2, 3, 1],  # right, wrong product, rightly none of these, nothing there
            [0.9, 0.6, 0.8, 0.2],
        )
    ]
    judgement = answers(given, there, none_of_these=3)
    assert judgement.objects == 2
    unknown = answers(given, [truth(there[0].boxes, [0, -2, 3])], none_of_these=3)
    assert unknown.objects == 1
    points = curve(judgement, (0.1, 0.5, 0.7, 0.95))
    assert [round(p.precision, 3) for p in points] == [0.333, 0.5, 1, 1]
    assert [p.coverage for p in points] == [1, 1, 0.5, 0]


def point(threshold: float, precision: float, coverage: float) -> CurvePoint:
    return CurvePoint(threshold=threshold, precision=precision, coverage=coverage)


def test_the_threshold_is_the_lowest_from_which_precision_holds() -> None:
    points = [
        point(0.2, 0.99, 0.9),
        point(0.4, 0.8, 0.8),
        point(0.6, 0.97, 0.7),
        point(0.8, 1, 0.5),
    ]
    chosen = threshold_for(points, 0.95)
    assert chosen is not None
    assert chosen.threshold == 0.6
    assert threshold_for(points[:2], 0.95) is None
    assert threshold_for([point(0.9, 1.0, 0.0)], 0.95) is None
