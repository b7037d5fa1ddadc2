from pathlib import Path

import pytest

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.split import draw_scenes, split_as_told, split_by_scene


def dataset(scenes: int, frames: int = 3) -> Dataset:
    images = tuple(
        LabelledImage(Path(f"{scene}-{frame}.jpg"), 8, 8, str(scene), str(scene), (), ())
        for scene in range(scenes)
        for frame in range(frames)
    )
    return Dataset(Path("annotations.json"), "0" * 64, ("cup",), images, 0)


def test_no_scene_is_in_two_parts() -> None:
    split = split_by_scene(dataset(6), ["1"], ["4", "5"])
    parts = [
        {image.scene for image in part} for part in (split.train, split.validation, split.test)
    ]
    assert parts == [{"0", "2", "3"}, {"1"}, {"4", "5"}]
    assert len(split.test) == 6


@pytest.mark.parametrize(
    ("validation", "test", "told"),
    [
        (["9"], [], "no scene '9'"),
        (["1"], ["1"], "for validation and for test"),
        (["0", "1"], ["2"], "no scene is left"),
    ],
)
def test_splits_that_cannot_be_are_refused(
    validation: list[str], test: list[str], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        split_by_scene(dataset(3), validation, test)


def test_drawn_scenes_have_their_share_and_stay_the_same() -> None:
    images = dataset(40).images
    validation, test = draw_scenes(images, (0.1, 0.2), seed=0)
    assert (len(validation), len(test)) == (4, 8)
    assert not validation & test
    assert draw_scenes(images[::-1], (0.1, 0.2), seed=0) == (validation, test)
    assert draw_scenes(images, (0.1, 0.2), seed=1) != (validation, test)


def in_parts(*parts: str) -> Dataset:
    images = tuple(
        LabelledImage(Path(f"{k}.jpg"), 8, 8, str(k), str(k), (), (), 0, {"split": part})
        for k, part in enumerate(parts)
    )
    return Dataset(Path("data"), "0" * 64, ("cup",), images, 0)


def test_parts_that_a_dataset_came_in_are_used() -> None:
    split = split_as_told(in_parts("train", "test", "validation", "train"))
    assert [image.scene for image in split.train] == ["0", "3"]
    assert [image.scene for image in split.validation] == ["2"]
    assert [image.scene for image in split.test] == ["1"]


def test_a_single_part_beside_training_judges() -> None:
    split = split_as_told(in_parts("train", "validation"))
    assert split.validation == ()
    assert [image.scene for image in split.test] == ["1"]


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (("train", "train"), r"it has: train\).*test_share"),
        (("validation", "test"), "it has: validation, test"),
        (("train", "test", "iconic"), "1 of 3 images are of no part"),
    ],
)
def test_a_dataset_that_came_in_no_parts_is_refused(parts: tuple[str, ...], told: str) -> None:
    with pytest.raises(InputError, match=told):
        split_as_told(in_parts(*parts))
