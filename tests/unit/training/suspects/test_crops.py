from pathlib import Path

import cv2
import numpy as np
import pytest

from beltmark.datasets.checks.memory import Memory
from beltmark.datasets.checks.pixels import measure
from beltmark.datasets.checks.scanning import Scanned
from beltmark.datasets.dataset import LabelledImage, LabelledObject
from training.suspects.crops import Crop, crops_of, cut_out, describe
from training.suspects.features import LENGTH, SIDE_PX


def scanned(folder: Path) -> Scanned:
    picture = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    cv2.imwrite(str(folder / "a.png"), picture)
    objects = (LabelledObject(1, (5, 5, 60, 50)), LabelledObject(0, (5, 5, 9, 50)))
    image = LabelledImage(folder / "a.png", 120, 90, "a", "a", (), objects, 2)
    return Scanned("a.png", image, "digest", measure(picture))


def test_boxes_and_whole_images_are_cut_out(tmp_path: Path) -> None:
    crops = crops_of([scanned(tmp_path)])
    assert crops == (Crop(0, None, 2), Crop(0, (5, 5, 60, 50), 1))  # the other is too narrow


def test_a_cut_out_has_a_margin_and_stays_in_the_picture() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[40:60, 40:60] = 255
    crop = cut_out(picture, (40, 40, 60, 60))
    assert crop.shape == (SIDE_PX, SIDE_PX, 3)
    assert crop[0].max() == 0
    assert crop[80, 80].min() == 255
    assert cut_out(picture, (90, 90, 100, 100)).shape == crop.shape
    assert cut_out(picture, (200, 200, 220, 220)).shape == crop.shape


@pytest.mark.xdist_group("features")
def test_features_are_kept_and_tell_things_apart(tmp_path: Path) -> None:
    one = scanned(tmp_path)
    crops = crops_of([one])
    with Memory(tmp_path / "memory.sqlite") as memory:
        first = describe(crops, [one], memory, lambda things, told: things)
        (tmp_path / "a.png").unlink()  # what is known needs no picture
        again = describe(crops, [one], memory, lambda things, told: things)
    assert first.shape == (2, LENGTH)
    assert np.isfinite(first).all()
    assert (first == again).all()
    assert np.abs(first[0].astype(float) - first[1]).max() > 0.1
