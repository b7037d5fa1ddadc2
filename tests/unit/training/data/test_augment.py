from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beltmark.contract.errors import InputError
from training.config import Transform
from training.data.augment import Augmenter
from training.data.samples import Sample
from training.model.assignment import NOT_JUDGED

SAMPLE = Sample(
    np.arange(40 * 60 * 3, dtype=np.uint32).reshape(40, 60, 3).astype(np.uint8),
    np.array([[10, 10, 30, 20], [0, 0, 5, 5]], np.float32),
    np.array([3, NOT_JUDGED], np.int64),
)


def augmenter(name: str, p: float = 1.0, **params: Any) -> Augmenter:
    return Augmenter([Transform(name=name, p=p, params=params)], Path("config.toml"))


def test_boxes_follow_the_image_and_labels_stay() -> None:
    flipped = augmenter("HorizontalFlip")(SAMPLE, np.random.default_rng(0))
    assert np.array_equal(flipped.image_bgr, SAMPLE.image_bgr[:, ::-1])
    np.testing.assert_allclose(flipped.boxes_xyxy_px, [[30, 10, 50, 20], [55, 0, 60, 5]], atol=1e-3)
    assert flipped.labels.tolist() == [3, NOT_JUDGED]


def test_the_same_generator_gives_the_same_picture() -> None:
    vary = augmenter("ColorJitter")
    one, two, other = (vary(SAMPLE, np.random.default_rng(seed)).image_bgr for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_an_image_without_objects_stays_without() -> None:
    empty = Sample(SAMPLE.image_bgr, np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    varied = augmenter("VerticalFlip")(empty, np.random.default_rng(0))
    assert varied.boxes_xyxy_px.shape == (0, 4)
    assert varied.labels.shape == (0,)


@pytest.mark.parametrize(
    ("name", "params", "field"),
    [
        ("Nonsense", {}, "augment.pipeline[0].name"),
        ("Compose", {}, "augment.pipeline[0].name"),
        ("MotionBlur", {"blur_limit": "much"}, "augment.pipeline[0].params"),
    ],
)
def test_a_transform_that_does_not_exist_or_fit_is_refused(
    name: str, params: dict[str, Any], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        augmenter(name, **params)
    assert caught.value.field == field
    assert caught.value.file == Path("config.toml")
