from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from beltmark.contract.errors import InputError
from beltmark.contract.package import InputSpec
from beltmark.datasets.dataset import LabelledImage, LabelledObject
from edge_agent.vision.preprocess import Preprocessor
from training.config import AugmentSettings, Transform
from training.data.augment import Augmenter
from training.data.batches import TrainingSamples, batches
from training.data.samples import Sample, SampleStore
from training.model.labels import NOT_JUDGED

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


def test_an_object_mostly_outside_is_not_judged_and_one_half_inside_is() -> None:
    # Moved to the left by half of the width: 30 px.
    sample = replace(
        SAMPLE,
        boxes_xyxy_px=np.array([[20, 10, 40, 20], [10, 10, 32, 20], [2, 2, 8, 8]], np.float32),
        labels=np.array([3, 4, 5], np.int64),
    )
    shift = {"translate_percent": {"x": [-0.5, -0.5], "y": [0, 0]}, "scale": 1, "rotate": 0}
    varied = augmenter("Affine", shear=0, **shift)(sample, np.random.default_rng(0))
    np.testing.assert_allclose(varied.boxes_xyxy_px, [[0, 10, 10, 20], [0, 10, 2, 20]], atol=0.1)
    assert varied.labels.tolist() == [3, NOT_JUDGED]


@pytest.mark.parametrize("name", ["HorizontalFlip", "GaussNoise", "Affine"])
def test_an_image_with_one_class_as_a_whole_keeps_it(name: str) -> None:
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    varied = augmenter(name)(Sample(SAMPLE.image_bgr, *none, 2), np.random.default_rng(0))
    assert varied.class_index == 2
    assert varied.boxes_xyxy_px.shape == (0, 4)


def test_colours_are_varied_as_colours_of_light() -> None:
    blue = replace(SAMPLE, image_bgr=np.full((40, 60, 3), (200, 0, 0), np.uint8))
    grey = augmenter("ToGray")(blue, np.random.default_rng(0)).image_bgr
    assert int(grey[0, 0, 0]) == pytest.approx(200 * 0.114, abs=2)  # blue is the darkest (BT.601)


def test_two_workers_and_two_epochs_vary_one_image_in_as_many_ways(tmp_path: Path) -> None:
    # By itself albumentations gives every worker and every epoch the same random numbers.
    path = tmp_path / "one.png"
    cv2.imwrite(str(path), SAMPLE.image_bgr)
    box = LabelledObject(0, (10.0, 10.0, 30.0, 20.0))
    one = LabelledImage(path, 60, 40, "1", "1", (), (box,))
    transforms = [Transform(name="ColorJitter", p=1.0), Transform(name="Affine", p=1.0)]
    samples = TrainingSamples(
        SampleStore([one] * 4),
        cutouts=[],
        backgrounds=SampleStore(()),
        augmenter=Augmenter(transforms, Path("config.toml")),
        settings=AugmentSettings(),
        spec=InputSpec(height_px=64, width_px=64, colour_order="BGR"),
        seed=1,
    )

    def two_epochs(workers: int) -> list[bytes]:
        loader = batches(samples, first_step=0, steps=4, batch_size=2, workers=workers)
        return [picture.numpy().tobytes() for batch in loader for picture in batch.images]

    alone = two_epochs(0)
    assert len(set(alone)) == 8
    assert two_epochs(1) == alone
    assert two_epochs(2) == alone


@pytest.mark.parametrize(("height", "width"), [(90, 60), (60, 90), (70, 70)])
def test_a_crop_fills_what_the_whole_picture_would_fill(height: int, width: int) -> None:
    spec = InputSpec(height_px=64, width_px=96, colour_order="BGR")
    picture = np.random.default_rng(0).integers(0, 100, (height, width, 3)).astype(np.uint8)
    whole = Sample(picture, SAMPLE.boxes_xyxy_px[:0], SAMPLE.labels[:0], 4)
    crop = Augmenter(
        [Transform(name="RandomResizedCrop", p=1.0)], Path("config.toml"), input_px=(96, 64)
    )
    varied = crop(whole, np.random.default_rng(1))
    assert varied.class_index == 4
    prepare = Preprocessor(spec)
    at_station, letterbox = prepare(picture)
    padded = at_station[0].copy() == spec.pad_value
    used = (letterbox.used_height_px, letterbox.used_width_px)
    assert varied.image_bgr.shape[:2] == used
    assert np.array_equal(prepare(varied.image_bgr)[0][0] == spec.pad_value, padded)
