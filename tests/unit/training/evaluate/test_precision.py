"""Average precision against pycocotools, the ignore rule, the precision/coverage curve."""

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from beltmark.contract.package import CurvePoint
from training.evaluate.matching import Found, Truth, judged, pair
from training.evaluate.precision import (
    answers,
    average_precision,
    curve,
    threshold_for,
)

CLASSES = ("carton", "cup", "tube", "none")


def found(boxes: Any, labels: Any, scores: Any) -> Found:
    return Found(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(labels, np.int64),
        np.array(scores, np.float32),
    )


def truth(boxes: Any, labels: Any, ignored: Any = ()) -> Truth:
    return Truth(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(labels, np.int64),
        np.array(ignored, np.float32).reshape(-1, 4),
    )


def random_scene(rng: np.random.Generator) -> tuple[Found, Truth]:
    count = int(rng.integers(0, 6))
    corners = rng.uniform(0, 200, (count, 2))
    boxes = np.hstack([corners, corners + rng.uniform(10, 80, (count, 2))])
    labels = rng.integers(0, 3, count)
    shaken = boxes + rng.normal(0, 5, boxes.shape)
    shaken[:, 2:] = np.maximum(shaken[:, 2:], shaken[:, :2] + 1)
    kept = rng.uniform(size=count) < 0.85
    extra = int(rng.integers(0, 4))
    more = rng.uniform(0, 200, (extra, 2))
    all_boxes = np.vstack([shaken[kept], np.hstack([more, more + rng.uniform(10, 80, (extra, 2))])])
    all_labels = np.concatenate([labels[kept], rng.integers(0, 3, extra)])
    wrong = rng.uniform(size=len(all_labels)) < 0.1
    all_labels[wrong] = rng.integers(0, 3, int(wrong.sum()))
    scores = rng.uniform(0.05, 1, len(all_labels))
    order = np.argsort(-scores)
    return found(all_boxes[order], all_labels[order], scores[order]), truth(boxes, labels)


def pycocotools_ap(scenes: list[tuple[Found, Truth]]) -> NDArray[np.float64]:
    def xywh(box: NDArray[np.float32]) -> list[float]:
        left, top, right, bottom = box.tolist()
        return [left, top, right - left, bottom - top]

    annotations = [
        {"image_id": index, "category_id": int(label), "bbox": xywh(box), "iscrowd": 0,
         "area": xywh(box)[2] * xywh(box)[3]}
        for index, (_, there) in enumerate(scenes)
        for box, label in zip(there.boxes, there.labels, strict=True)
    ]  # fmt: skip
    results = [
        {"image_id": index, "category_id": int(label), "bbox": xywh(box), "score": float(score)}
        for index, (each, _) in enumerate(scenes)
        for box, label, score in zip(each.boxes, each.labels, each.scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": index} for index in range(len(scenes))],
            "categories": [{"id": label, "name": name} for label, name in enumerate(CLASSES)],
            "annotations": [{"id": k + 1, **a} for k, a in enumerate(annotations)],
        }
        coco.createIndex()
        measured = COCOeval(coco, coco.loadRes(results), "bbox")
        measured.evaluate()
        measured.accumulate()
        measured.summarize()
    return np.asarray(measured.stats)


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_is_pycocotools(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scenes = [random_scene(rng) for _ in range(40)]
    ours = average_precision([s[0] for s in scenes], [s[1] for s in scenes], CLASSES)
    theirs = pycocotools_ap(scenes)
    assert ours.ap50_95 == pytest.approx(theirs[0], abs=1e-3)
    assert ours.ap50 == pytest.approx(theirs[1], abs=1e-3)
    assert 0.2 < ours.ap50 < 0.99
    assert "none" not in ours.objects


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
    assert average_precision([found([], [], [])], there, CLASSES).ap50 == 0
    perfect = average_precision([found([[0, 0, 20, 20]], [0], [0.4])], there, CLASSES)
    assert perfect.ap50 == perfect.ap50_95 == 1


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
