"""Corruptions: worse pictures, boxes that stay on their objects, the same for the same seed."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.vision.postprocess import iou
from training.evaluate.matching import Found, Truth
from training.evaluate.robust_corruptions import CORRUPTIONS, STRENGTHS, Corruption, corrupted
from training.evaluate.robust_measure import top1

BY_NAME = {corruption.name: corruption for corruption in CORRUPTIONS}
WIDTH, HEIGHT = 240, 160
SQUARE = (100, 60, 140, 100)
DISC = (40, 90, 80, 130)


def _scene() -> tuple[np.ndarray, Truth]:
    """A red square and a green disc on a dark belt."""
    image = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    image[SQUARE[1] : SQUARE[3], SQUARE[0] : SQUARE[2]] = (30, 30, 230)
    cv2.circle(image, (60, 110), 20, (30, 200, 30), -1)
    boxes = np.array([SQUARE, DISC], np.float32)
    return image, Truth(boxes, np.array([0, 1]), np.zeros((0, 4), np.float32))


def _box_of(image: np.ndarray, channel: int) -> np.ndarray:
    """The tight box of what is more of one colour than of the others."""
    others = np.delete(image.astype(int), channel, axis=2).max(axis=2)
    rows, columns = np.nonzero(image[..., channel].astype(int) - others > 60)
    low, high = (columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)
    return np.array([[*low, *high]], np.float32)


@pytest.mark.parametrize("name", ["rotation", "zoom"])
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_boxes_stay_on_what_was_moved(name: str, seed: int) -> None:
    moved = 0
    for strength in STRENGTHS:
        image, truth = corrupted(BY_NAME[name], strength, *_scene(), (seed,))
        for box, label in zip(truth.boxes, truth.labels, strict=True):
            theirs = _box_of(image, channel=(2, 1)[label])
            moved += not np.array_equal(box, (SQUARE, DISC)[label])
            least = 0.9 if name == "zoom" else 0.7
            assert iou(box[None], theirs)[0, 0] >= least, (strength, box, theirs)
            shift = np.abs((box[:2] + box[2:] - theirs[0, :2] - theirs[0, 2:]) / 2)
            assert shift.max() <= 1.5
    assert moved >= 8


def test_an_object_that_left_the_picture_is_not_judged() -> None:
    image, truth = _scene()
    truth.boxes[1] = (0, 0, 20, 20)
    seed = next(n for n in range(20) if np.random.default_rng((n,)).random() < 0.5)  # zooms in
    _, moved = corrupted(BY_NAME["zoom"], 5, image, truth, (seed,))
    assert moved.labels.tolist() == [0]
    assert len(moved.ignored) == 1


def test_an_occlusion_hides_the_share_that_it_says() -> None:
    image, truth = _scene()
    for strength, share in zip(STRENGTHS, BY_NAME["occlusion"].amounts, strict=True):
        worse, same = corrupted(BY_NAME["occlusion"], strength, image, truth, (5,))
        square = np.s_[SQUARE[1] : SQUARE[3], SQUARE[0] : SQUARE[2]]
        changed = (worse[square] != image[square]).any(axis=2).mean()
        assert changed == pytest.approx(share / 100, abs=0.02)
        assert same is truth


@pytest.mark.parametrize("corruption", CORRUPTIONS[:-2], ids=lambda corruption: corruption.name)
def test_each_strength_is_worse_than_the_one_before(corruption: Corruption) -> None:
    clean, truth = _scene()
    texture = np.random.default_rng(0).integers(0, 60, clean.shape, np.uint8)
    clean = cv2.GaussianBlur(clean // 2 + texture, (0, 0), 1.0)
    before = 0.0
    for strength in STRENGTHS:
        image, _ = corrupted(corruption, strength, clean, truth, (7,))
        assert (image.shape, image.dtype) == (clean.shape, np.uint8)
        distance = float(np.abs(image.astype(float) - clean).mean())
        assert distance > before, strength
        before = distance


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(CORRUPTIONS), st.sampled_from(STRENGTHS), st.integers(0, 2**31))
def test_the_same_seed_gives_the_same_and_leaves_the_picture_alone(
    corruption: Corruption, strength: int, seed: int
) -> None:
    image, truth = _scene()
    kept, boxes = image.copy(), truth.boxes.copy()
    first, first_truth = corrupted(corruption, strength, image, truth, (seed,))
    again, again_truth = corrupted(corruption, strength, image, truth, (seed,))
    assert np.array_equal(first, again)
    assert np.array_equal(first_truth.boxes, again_truth.boxes)
    assert np.array_equal(image, kept)
    assert np.array_equal(truth.boxes, boxes)
    inside = (first_truth.boxes >= 0).all() and (first_truth.boxes[:, [0, 2]] <= WIDTH).all()
    assert inside


def test_top1_asks_the_surest_detection_on_each_object() -> None:
    _, truth = _scene()
    boxes = np.array([SQUARE, SQUARE, DISC, (0, 0, 30, 30)], np.float32)
    found = Found(boxes, np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.6], np.float32))
    assert top1([found], [truth]) == 0.5
    nothing = Found(boxes[:0], found.labels[:0], found.scores[:0])
    assert top1([nothing], [truth]) == 0.0
