"""Average precision and recall against pycocotools, on whatever hypothesis finds."""

from dataclasses import replace

import numpy as np
import pytest
from coco_judge import coco_eval, found, truth
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluate.matches import (
    MAX_DETECTIONS,
    ap_statistic,
    average,
    match,
    precisions,
    recalls,
)
from training.evaluate.matching import Found, Truth, judged

CLASSES = 3

sides = st.integers(1, 6)
places = st.integers(0, 8)
# Whole numbers and few of them: many IoUs lie exactly on a threshold, many scores are equal.
boxes = st.tuples(places, places, sides, sides).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
objects = st.lists(st.tuples(boxes, st.integers(0, CLASSES - 1)), max_size=5)
answers = st.lists(
    st.tuples(boxes, st.integers(0, CLASSES - 1), st.sampled_from([0.2, 0.4, 0.6, 0.8])), max_size=8
)


def scene(there: list[object], given_: list[object]) -> tuple[Found, Truth]:
    ranked = sorted(given_, key=lambda answer: -answer[2])  # type: ignore[index]
    return (
        found(*([entry[k] for entry in ranked] for k in range(3))),  # type: ignore[index]
        truth(*([entry[k] for entry in there] for k in range(2))),  # type: ignore[index]
    )


scenes = st.lists(st.builds(scene, objects, answers), min_size=1, max_size=6)
area_ranges = st.sampled_from([(0.0, 1e10), (0.0, 6.0), (6.0, 12.0), (12.0, 1e10)])


@given(scenes, area_ranges)
@settings(max_examples=80, deadline=None)
def test_precision_and_recall_are_those_of_pycocotools(
    drawn: list[tuple[Found, Truth]], area_px: tuple[float, float]
) -> None:
    theirs = coco_eval(drawn, CLASSES, area_px=area_px)
    ours = match([s[0] for s in drawn], [s[1] for s in drawn], CLASSES, area_px)
    np.testing.assert_allclose(precisions(ours), theirs[0], atol=1e-9)
    np.testing.assert_allclose(recalls(ours), theirs[1], atol=1e-9)


def test_only_the_hundred_surest_of_a_class_count() -> None:
    rng = np.random.default_rng(3)
    scenes_ = []
    for _ in range(4):
        corners = rng.uniform(0, 900, (150, 2))
        there = np.hstack([corners, corners + rng.uniform(20, 60, (150, 2))])
        shaken = there + rng.normal(0, 2, there.shape)
        scores = np.sort(rng.uniform(size=150))[::-1]
        scenes_.append((found(shaken, [0] * 150, scores), truth(there, [0] * 150)))
    theirs = coco_eval(scenes_, 1)
    ours = match([s[0] for s in scenes_], [s[1] for s in scenes_], 1)
    assert ours.classes[0].hit.shape[1] == 4 * MAX_DETECTIONS
    np.testing.assert_allclose(precisions(ours), theirs[0], atol=1e-9)
    np.testing.assert_allclose(recalls(ours), theirs[1], atol=1e-9)
    assert recalls(ours)[0, 0] < 0.7


@given(scenes)
@settings(max_examples=25, deadline=None)
def test_a_crowd_apart_from_objects_is_a_region_that_is_not_judged(
    drawn: list[tuple[Found, Truth]],
) -> None:
    """Far from all objects, a crowd of each class and a region of ours say the same."""
    crowd = (100.0, 0.0, 120.0, 20.0)
    within = found([(101, 1, 105, 5), (103, 3, 110, 12)], [0, 1], [0.9, 0.3])
    more = [(_with(f, within), t) for f, t in drawn]
    crowds = [(row, label, crowd) for row in range(len(more)) for label in range(CLASSES)]
    theirs, _ = coco_eval(more, CLASSES, crowds=crowds)
    known = [Truth(t.boxes, t.labels, np.array([crowd], np.float32)) for _, t in more]
    ours = match([judged(f, t) for (f, _), t in zip(more, known, strict=True)], known, CLASSES)
    np.testing.assert_allclose(precisions(ours), theirs, atol=1e-9)


def test_regions_that_are_not_judged_by_hand() -> None:
    """Where ours and COCO's rule differ: regions have no class, and spare what fits an object."""
    there = truth([[0, 0, 20, 20], [60, 0, 80, 20]], [0, 0], ignored=[[0, 0, 50, 50]])
    given_ = found(
        [
            [0, 0, 20, 20],  # in the region, but on its object: right
            [0, 0, 20, 21],  # in the region, fits the object, which is taken: wrong
            [30, 30, 45, 45],  # in the region, on nothing: not judged
            [60, 0, 80, 20],  # outside, on its object: right
            [45, 30, 60, 45],  # a third inside: wrong
        ],
        [0, 0, 0, 0, 0],
        [0.9, 0.8, 0.7, 0.6, 0.5],
    )
    table = precisions(match([judged(given_, there)], [there], 1))
    # Right, wrong, right, wrong: precision 1 up to half of the objects, then 2 of 3.
    assert table[0, 0] == pytest.approx((51 * 1 + 50 * 2 / 3) / 101)


def without_ties(drawn: list[tuple[Found, Truth]]) -> list[tuple[Found, Truth]]:
    """Whose turn it is among equal scores is chance, and differs where images are drawn twice."""
    total = sum(len(seen.scores) for seen, _ in drawn)
    apart, begun = [], 0
    for seen, there in drawn:
        steps = np.arange(begun, begun + len(seen.scores), dtype=np.float32)
        begun += len(seen.scores)
        scores = seen.scores * 0.5 - steps / (1000.0 * max(total, 1))
        order = np.argsort(-scores, kind="stable")
        apart.append((replace(seen.only(order), scores=scores[order]), there))
    return apart


@given(scenes, st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_counting_images_again_is_matching_them_again(
    drawn: list[tuple[Found, Truth]], seed: int
) -> None:
    drawn = without_ties(drawn)
    rows = np.random.default_rng(seed).integers(len(drawn), size=len(drawn))
    ours = match([s[0] for s in drawn], [s[1] for s in drawn], CLASSES)
    again = match(
        [drawn[r][0] for r in np.sort(rows)], [drawn[r][1] for r in np.sort(rows)], CLASSES
    )
    np.testing.assert_allclose(precisions(ours, rows), precisions(again), atol=1e-9)
    np.testing.assert_allclose(recalls(ours, rows), recalls(again), atol=1e-9)
    if np.isfinite(precisions(again)).any():
        assert ap_statistic(ours)(rows) == pytest.approx(average(precisions(again)))
        assert ap_statistic(ours, 0.5)(rows) == pytest.approx(average(precisions(again)[:, 0]))


def test_objects_of_unknown_classes_are_no_objects_but_answers_on_them_are_wrong() -> None:
    there = truth([[0, 0, 20, 20], [30, 0, 50, 20]], [0, -2])
    given_ = found([[30, 0, 50, 20], [0, 0, 20, 20]], [0, 0], [0.9, 0.5])
    assert precisions(match([given_], [there], 2))[0, 0] == pytest.approx(0.5)
    assert np.isnan(precisions(match([given_], [there], 2))[1]).all()


def _with(one: Found, more: Found) -> Found:
    boxes_ = np.vstack([one.boxes, more.boxes])
    labels = np.concatenate([one.labels, more.labels])
    scores = np.concatenate([one.scores, more.scores])
    order = np.argsort(-scores, kind="stable")
    return Found(boxes_[order], labels[order], scores[order])
