import numpy as np
import pytest

from training.data.cutouts import Cutout, cut_out
from training.data.mixing import mosaic, paste
from training.data.samples import Sample
from training.model.labels import NOT_JUDGED


def plain(grey: int, boxes: list[list[int]], labels: list[int]) -> Sample:
    return Sample(
        np.full((120, 160, 3), grey, np.uint8),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(labels, np.int64),
    )


def coloured_cutout(label: int) -> Cutout:
    image = np.zeros((40, 40, 3), np.uint8)
    image[:] = (0, 60 + 9 * label, 255 - 9 * label)
    return Cutout(image, np.full((40, 40), 255, np.uint8), label)


@pytest.mark.parametrize("seed", range(5))
def test_a_pasted_object_is_judged_only_if_most_of_it_is_seen(seed: int) -> None:
    cutouts = [coloured_cutout(label) for label in range(20)]
    sample = paste(plain(0, [], []), cutouts, np.random.default_rng(seed))
    assert NOT_JUDGED in sample.labels  # so many do not fit side by side
    for box, label in zip(sample.boxes_xyxy_px.astype(int), sample.labels, strict=True):
        if label == NOT_JUDGED:
            continue
        piece = sample.image_bgr[box[1] : box[3], box[0] : box[2]].astype(int)
        # Shadows darken, but keep the ratio of the colours.
        _, green, red = coloured_cutout(label).image_bgr[0, 0].astype(float)
        own = np.abs(piece[..., 1] / np.maximum(piece[..., 2], 1) - green / red) < 0.02
        assert own.sum() > 0.3 * own.size  # a square turned by 45 degrees fills half of its box


def test_an_object_of_the_background_that_is_covered_is_not_judged() -> None:
    rng = np.random.default_rng(0)
    background = plain(90, [[0, 0, 160, 120]], [4])
    cutouts = [coloured_cutout(label) for label in range(20)]
    labels = paste(background, cutouts, rng).labels
    assert labels[0] == NOT_JUDGED
    assert paste(background, cutouts[:1], rng).labels[0] == 4


def test_a_mosaic_shows_each_image_in_its_quarter() -> None:
    samples = [plain(grey, [[40, 30, 120, 90]], [k]) for k, grey in enumerate((10, 60, 150, 220))]
    for seed in range(5):
        mixed = mosaic(samples, np.random.default_rng(seed))
        assert mixed.image_bgr.shape == (120, 160, 3)
        assert [mixed.image_bgr[y, x, 0] for y in (0, -1) for x in (0, -1)] == [10, 60, 150, 220]
        for box, label in zip(mixed.boxes_xyxy_px.astype(int), mixed.labels, strict=True):
            if label >= 0:
                piece = mixed.image_bgr[box[1] : box[3], box[0] : box[2]]
                assert (piece == samples[label].image_bgr[0, 0]).all()


def test_an_object_is_cut_out_along_its_outline() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(20, 50, (120, 160, 3)).astype(np.uint8)
    y, x = np.mgrid[:120, :160]
    disc = (x - 80) ** 2 + (y - 60) ** 2 < 30**2
    picture[disc] = (30, 180, 220)
    sample = Sample(picture, np.array([[50, 30, 110, 90]], np.float32), np.array([2]))
    (cutout,) = cut_out(sample)
    assert cutout.label == 2
    inside = cutout.alpha > 127
    assert inside.sum() == pytest.approx(disc.sum(), rel=0.1)
    assert (np.abs(cutout.image_bgr[inside].astype(int) - (30, 180, 220)) < 5).mean() > 0.9


def test_objects_at_the_border_or_touching_others_are_not_cut_out() -> None:
    boxes = [[0, 0, 30, 30], [60, 40, 100, 80], [90, 60, 130, 100]]
    sample = plain(80, boxes, [0, 1, 2])
    assert list(cut_out(sample)) == []
