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
