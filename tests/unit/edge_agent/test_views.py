from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.station.geometry import BoxXyxyPx
from edge_agent.station.items import Item
from edge_agent.station.sighting import SightingInProgress
from edge_agent.views import offer_view

BOX = (10.0, 10.0, 70.0, 50.0)


def item(outcome: Any = None) -> Item:
    unused: Any = None
    return Item("a", unused, SightingInProgress(2), "entry", unused, outcome)


def noise(seed: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (80, 100, 3), dtype=np.uint8)


def test_the_quality_of_a_view_is_its_size_times_the_deviation_of_its_edges() -> None:
    seen, image = item(), noise()
    offer_view(seen, BOX, image)
    view = seen.sighting.best_view
    assert view is not None
    crop = image[10:50, 10:70]
    assert np.array_equal(view.crop_bgr, crop)
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    expected = crop.size * cv2.Laplacian(grey, cv2.CV_16S).std()
    assert view.quality == pytest.approx(expected, rel=1e-9)


def test_the_sharper_view_is_kept_and_does_not_change_with_its_frame() -> None:
    seen, sharp = item(), noise()
    blurred = np.asarray(cv2.blur(sharp, (5, 5)), np.uint8)
    for image in (blurred, sharp, blurred):
        offer_view(seen, BOX, image)
    before = sharp[10:50, 10:70].copy()
    sharp[:] = 0
    assert seen.sighting.best_view is not None
    assert np.array_equal(seen.sighting.best_view.crop_bgr, before)


def test_plain_goods_are_kept_whole_and_not_as_the_slice_that_came_in_first() -> None:
    """A carton of one colour has no edges inside; the slice of it at the frame's edge has some."""
    seen = item()
    for front in range(6, 90, 6):
        image = np.random.default_rng(front).integers(0, 40, (80, 100, 3), dtype=np.uint8)
        image[20:60, max(0, front - 40) : front] = 200
        offer_view(seen, (max(0.0, front - 40.0), 20.0, front + 1.0, 60.0), image)
    view = seen.sighting.best_view
    assert view is not None
    assert view.is_whole
    assert view.crop_bgr.shape[:2] == (40, 41)


def test_of_views_that_the_edge_cuts_the_larger_is_kept_and_a_whole_one_before_all() -> None:
    seen, image = item(), noise()
    wide, slice_px, small = (
        (0.0, 10.0, 60.0, 60.0),
        (0.0, 10.0, 12.0, 60.0),
        (40.0, 20.0, 60.0, 40.0),
    )
    flat = np.full_like(image, 90)
    for box, picture in ((slice_px, image), (wide, flat), (slice_px, image)):
        offer_view(seen, box, picture)
    assert seen.sighting.best_view is not None
    assert seen.sighting.best_view.box_xyxy_px == wide
    for box in (small, wide):
        offer_view(seen, box, image)
    assert seen.sighting.best_view.box_xyxy_px == small


@pytest.mark.parametrize("box", [(10, 10, 10, 40), (-30, -30, -5, -5), (200, 10, 220, 30)])
def test_a_box_without_a_picture_is_no_view(box: BoxXyxyPx) -> None:
    seen = item()
    offer_view(seen, box, noise())
    assert seen.sighting.best_view is None


def test_a_picture_of_one_colour_is_a_view_of_no_quality() -> None:
    seen = item()
    offer_view(seen, BOX, np.full((80, 100, 3), 117, np.uint8))
    assert seen.sighting.best_view is not None
    assert seen.sighting.best_view.quality == 0


def test_a_decided_item_needs_no_further_view() -> None:
    seen = item("PRINT")
    offer_view(seen, BOX, noise())
    assert seen.sighting.best_view is None
