import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from beltmark.contract.package import Calibration, Postprocess
from edge_agent.vision.postprocess import (
    Candidates,
    calibrated,
    iou,
    select,
    suppress,
    uncalibrated,
)


def softmax(logits: list[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.exp(np.array(logits) - np.max(logits))
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def candidates(boxes: list[list[float]], scores: list[list[float]]) -> Candidates:
    embedding = np.arange(len(boxes), dtype=np.float32)[:, None]
    return Candidates(np.array(boxes, np.float32), np.array(scores, np.float32), embedding)


def test_iou_of_known_pairs() -> None:
    a = np.array([[0, 0, 10, 10]], np.float32)
    b = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [3, 3, 3, 3]], np.float32)
    np.testing.assert_allclose(iou(a, b), [[1, 1 / 3, 0, 0]], atol=1e-6)


@given(
    scores=st.lists(st.floats(0.05, 0.95), min_size=2, max_size=20),
    temperature=st.floats(0.4, 3),
)
def test_calibration_keeps_the_order_and_can_be_undone(
    scores: list[float], temperature: float
) -> None:
    before = np.sort(np.array(scores, np.float32))
    calibration = Calibration(temperature=temperature)
    after = calibrated(before, calibration)
    assert (np.diff(after) >= 0).all()
    np.testing.assert_allclose(uncalibrated(after, calibration), before, atol=1e-2)


def test_temperature_divides_the_logit() -> None:
    logits = np.array([-2.0, 0.0, 3.0], np.float32)
    expected = 1 / (1 + np.exp(-logits / 2))
    got = calibrated((1 / (1 + np.exp(-logits))).astype(np.float32), Calibration(temperature=2))
    np.testing.assert_allclose(got, expected, atol=1e-5)


@given(
    logits=st.lists(st.floats(-20, 20), min_size=2, max_size=20),
    temperature=st.floats(0.1, 10),
)
def test_classes_that_are_weighed_together_get_the_softmax_of_their_divided_logits(
    logits: list[float], temperature: float
) -> None:
    calibration = Calibration(method="softmax_temperature", temperature=temperature)
    got = calibrated(softmax(logits)[None].astype(np.float32), calibration)
    np.testing.assert_allclose(got[0], softmax(np.array(logits) / temperature), atol=1e-4)


def test_classes_that_are_weighed_together_can_become_sure_and_unsure() -> None:
    """A score below one half can rise above it, which no temperature of a logit by itself does."""
    given = candidates([[0, 0, 10, 10]], [[0.4, 0.2, 0.2, 0.2]])
    sure = Calibration(method="softmax_temperature", temperature=0.25)
    kept = select(given, Postprocess(score_floor=0.5), sure)
    assert kept.class_scores[0].tolist() == pytest.approx([16 / 19, 1 / 19, 1 / 19, 1 / 19])
    unsure = Calibration(method="softmax_temperature", temperature=4)
    assert not len(select(given, Postprocess(score_floor=0.3), unsure).rows)
    broken = candidates([[0, 0, 10, 10]], [[float("nan"), 0.2, 0.2, 0.2]])
    assert not len(select(broken, Postprocess(score_floor=0), sure).rows)


def test_the_best_of_overlapping_candidates_stays_whatever_their_classes() -> None:
    kept = select(
        candidates(
            [[0, 0, 10, 10], [0, 0, 10, 11], [50, 50, 60, 60], [0, 0, 9, 9]],
            [[0.6, 0.1], [0.1, 0.8], [0.3, 0.2], [0.01, 0.02]],
        ),
        Postprocess(score_floor=0.05, nms_iou=0.5),
        Calibration(),
    )
    assert kept.rows.tolist() == [1, 2]
    np.testing.assert_allclose(kept.class_scores, [[0.1, 0.8], [0.3, 0.2]], atol=1e-5)


@pytest.mark.parametrize(("temperature", "stay"), [(1.0, 1), (3.0, 2), (0.3, 1)])
def test_the_floor_is_meant_on_calibrated_scores(temperature: float, stay: int) -> None:
    kept = select(
        candidates([[0, 0, 10, 10], [50, 50, 60, 60]], [[0.9], [0.12]]),
        Postprocess(score_floor=0.3),
        Calibration(temperature=temperature),
    )
    assert len(kept.rows) == stay
    assert (kept.class_scores.max(axis=1) >= 0.3).all()


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_a_floor_of_nothing_keeps_every_answer(temperature: float) -> None:
    given = candidates([[0, 0, 10, 10]], [[0.02, 0.01]])
    calibration = Calibration(temperature=temperature)
    assert select(given, Postprocess(score_floor=0), calibration).rows.tolist() == [0]


def test_nothing_above_the_floor_gives_nothing() -> None:
    kept = select(candidates([[0, 0, 10, 10]], [[0.01]]), Postprocess(), Calibration())
    assert kept.rows.shape == (0,)
    assert kept.class_scores.shape == (0, 1)


def slow_suppress(boxes: NDArray[np.float32], limit: float) -> list[int]:
    kept: list[int] = []
    for row in range(len(boxes)):
        if all(iou(boxes[row : row + 1], boxes[k : k + 1])[0, 0] <= limit for k in kept):
            kept.append(row)
    return kept


def test_suppression_agrees_with_its_definition() -> None:
    rng = np.random.default_rng(3)
    corners = rng.uniform(0, 100, (200, 2))
    sizes = rng.uniform(5, 40, (200, 2))
    boxes = np.hstack([corners, corners + sizes]).astype(np.float32)
    assert suppress(boxes, 0.4, 1000).tolist() == slow_suppress(boxes, 0.4)
    assert suppress(boxes, 0.4, 7).tolist() == slow_suppress(boxes, 0.4)[:7]


def test_boxes_without_an_area_overlap_nothing() -> None:
    boxes = np.array([[5, 5, 5, 5], [5, 5, 5, 5], [9, 9, 3, 3], [0, 0, 10, 10]], np.float32)
    assert suppress(boxes, 0.4, 10).tolist() == slow_suppress(boxes, 0.4) == [0, 1, 2, 3]


@given(seed=st.integers(0, 2**32 - 1), floor=st.floats(0.02, 0.9))
def test_selection_takes_the_rows_that_reach_the_floor_best_first(seed: int, floor: float) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.choice([0.01, 0.2, 0.5, 0.7, 0.95], (30, 3)).astype(np.float32)
    apart = [[20 * i, 0, 20 * i + 10, 10] for i in range(len(scores))]
    kept = select(candidates(apart, scores.tolist()), Postprocess(score_floor=floor), Calibration())
    best = calibrated(scores, Calibration()).max(axis=1)
    order = np.argsort(-scores.max(axis=1), kind="stable")
    assert kept.rows.tolist() == [row for row in order if best[row] >= floor]


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_no_candidate_and_hides_none(broken: float) -> None:
    boxes = [[0, 0, 10, 10], [0, 0, 10, broken], [50, 0, 60, 10], [0, 0, 10, 10]]
    scores = [[0.9, broken], [0.8, 0.1], [0.7, 0.1], [0.6, 0.1]]
    kept = select(candidates(boxes, scores), Postprocess(), Calibration())
    assert kept.rows.tolist() == [2, 3]
