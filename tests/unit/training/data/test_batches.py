from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from beltmark.contract.package import InputSpec
from beltmark.datasets.dataset import LabelledImage, LabelledObject
from training.config import AugmentSettings, Transform
from training.data.augment import Augmenter
from training.data.batches import Batch, TrainingSamples, batches
from training.data.cutouts import cut_out_all
from training.data.samples import SampleStore
from training.model.labels import NOT_JUDGED, PADDING

NOISE = (
    Transform(name="HorizontalFlip"),
    Transform(name="ColorJitter", p=1.0),
    Transform(name="GaussNoise", p=1.0),
)


@pytest.fixture
def images(tmp_path: Path) -> list[LabelledImage]:
    rng = np.random.default_rng(0)
    listed = []
    for index in range(6):
        picture = rng.integers(20, 60, (80, 120, 3)).astype(np.uint8)
        cv2.rectangle(picture, (30 + index, 20), (70 + index, 55), (40, 200, 230), cv2.FILLED)
        path = tmp_path / f"{index}.png"
        cv2.imwrite(str(path), picture)
        box = LabelledObject(index % 2, (30.0 + index, 20.0, 71.0 + index, 56.0))
        listed.append(LabelledImage(path, 120, 80, str(index), str(index), (), (box,)))
    return listed


def samples(images: list[LabelledImage], seed: int = 1, **settings: float) -> TrainingSamples:
    store = SampleStore(images)
    return TrainingSamples(
        store,
        cutouts=cut_out_all(store),
        backgrounds=[],
        augmenter=Augmenter(NOISE, Path("config.toml")),
        settings=AugmentSettings.model_validate(settings),
        spec=InputSpec(height_px=64, width_px=96, colour_order="BGR"),
        seed=seed,
    )


def all_batches(of: TrainingSamples, workers: int, first_step: int = 0) -> list[Batch]:
    return list(batches(of, first_step=first_step, steps=4, batch_size=3, workers=workers))


def test_workers_differ_from_each_other_and_change_nothing(images: list[LabelledImage]) -> None:
    # Library defaults would give every loader process the same random numbers.
    ours = samples(images, mosaic_share=0.3, paste_share=0.4)
    alone = all_batches(ours, workers=0)
    shared = all_batches(
        ours, workers=2
    )  # batches 0 and 2 come from one process, 1 and 3 the other
    for one, two in zip(alone, shared, strict=True):
        assert one.images.equal(two.images)
        assert one.boxes.equal(two.boxes)
        assert one.labels.equal(two.labels)
    noise = [batch.images[0].float().std().item() for batch in shared]
    assert len(set(noise)) == len(noise)


def test_a_later_start_goes_on_with_the_same_samples(images: list[LabelledImage]) -> None:
    ours = samples(images)
    whole, rest = all_batches(ours, 0), all_batches(ours, 0, first_step=2)
    assert len(rest) == 2
    assert whole[2].images.equal(rest[0].images)


def test_rounds_and_seeds_differ(images: list[LabelledImage]) -> None:
    ours = samples(images)
    assert not np.array_equal(ours[0].image_bgr, ours[6].image_bgr)  # the same image a round later
    assert not np.array_equal(ours[0].image_bgr, samples(images, seed=2)[0].image_bgr)


def test_every_image_comes_once_a_round(images: list[LabelledImage]) -> None:
    ours = samples(images)
    for start in (0, 6):
        assert sorted(ours._index(start + k) for k in range(6)) == list(range(6))


@pytest.mark.parametrize("settings", [{"mosaic_share": 1.0}, {"paste_share": 1.0}])
def test_mixed_samples_keep_boxes_on_their_objects(
    images: list[LabelledImage], settings: dict[str, float]
) -> None:
    ours = samples(images, **settings)
    seen = 0
    for number in range(12):
        sample = ours[number]
        assert sample.image_bgr.shape == (64, 96, 3)
        for box, label in zip(sample.boxes_xyxy_px, sample.labels, strict=True):
            assert (box[:2] >= 0).all()
            assert (box[2:] <= (96, 64)).all()
            if label < 0:
                continue
            x, y = ((box[:2] + box[2:]) / 2).astype(int)
            blue, green, _red = sample.image_bgr[y, x].astype(int)
            seen += green - blue > 40  # the objects are yellow, everything else is grey
    assert seen >= 12


def test_a_batch_fills_up_with_padding(images: list[LabelledImage]) -> None:
    ours = samples(images, paste_share=1.0)
    for batch in all_batches(ours, 0):
        assert batch.images.shape == (3, 64, 96, 3)
        assert batch.boxes.shape == (*batch.labels.shape, 4)
        assert ((batch.boxes == 0).all(dim=2) == (batch.labels == PADDING)).all()


def test_a_batch_says_what_each_image_as_a_whole_is(images: list[LabelledImage]) -> None:
    told = [replace(image, class_index=index) for index, image in enumerate(images[:3])]
    (batch,) = batches(samples(told), first_step=0, steps=1, batch_size=3, workers=0)
    assert sorted(batch.classes.tolist()) == [0, 1, 2]
    (batch,) = batches(samples(images[:3]), first_step=0, steps=1, batch_size=3, workers=0)
    assert batch.classes.tolist() == [NOT_JUDGED] * 3
