"""Outlines of items painted on a belt: found, or not trusted."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.vision.outline import outline_px

BELT_BGR = (70, 90, 60)
ITEM = ((160.0, 120.0), (90.0, 50.0), 25.0)  # centre, sides, degrees


def belt(noise: float = 3.0) -> NDArray[np.uint8]:
    grain = np.random.default_rng(0).normal(0, noise, (240, 320, 3))
    return np.asarray(np.clip(np.array(BELT_BGR) + grain, 0, 255), np.uint8)


def paint(
    image: NDArray[np.uint8],
    colour_bgr: tuple[int, int, int],
    rectangle: tuple[tuple[float, float], tuple[float, float], float] = ITEM,
) -> tuple[float, float, float, float]:
    """Paints a turned rectangle; returns its box."""
    corners = cv2.boxPoints(rectangle)
    cv2.fillPoly(image, [np.round(corners * 16).astype(np.int32)], colour_bgr, cv2.LINE_AA, 4)
    low, high = corners.min(axis=0), corners.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]) + 1, float(high[1]) + 1


@pytest.mark.parametrize("colour_bgr", [(40, 60, 200), (235, 235, 235), (20, 150, 210)])
@pytest.mark.parametrize("degrees", [0.0, 25.0, 60.0])
def test_an_item_is_outlined_however_it_lies(
    colour_bgr: tuple[int, int, int], degrees: float
) -> None:
    image = belt()
    box = paint(image, colour_bgr, (ITEM[0], ITEM[1], degrees))
    outline = outline_px(image, box)
    assert outline is not None
    assert outline.dtype == np.float32
    (x, y), sides, _ = cv2.minAreaRect(outline)
    assert (max(sides), min(sides)) == pytest.approx((90, 50), abs=4.5)
    assert (x, y) == pytest.approx((160.5, 120.5), abs=1.0)


def test_a_shadow_is_not_part_of_an_item() -> None:
    image = belt()
    cv2.fillPoly(
        image,
        [(cv2.boxPoints(ITEM) + np.array([14, 10])).astype(np.int32)],
        tuple(c // 2 for c in BELT_BGR),
    )
    outline = outline_px(image, paint(image, (40, 60, 200)))
    assert outline is not None
    _, sides, _ = cv2.minAreaRect(outline)
    assert (max(sides), min(sides)) == pytest.approx((90, 50), abs=4.5)


def test_print_of_the_belts_colour_inside_an_item_does_not_matter() -> None:
    image = belt()
    box = paint(image, (40, 60, 200))
    paint(image, BELT_BGR, (ITEM[0], (40.0, 20.0), 25.0))
    outline = outline_px(image, box)
    assert outline is not None
    _, sides, _ = cv2.minAreaRect(outline)
    assert (max(sides), min(sides)) == pytest.approx((90, 50), abs=4.5)


def test_an_item_of_the_belts_colour_has_no_outline() -> None:
    image = belt()
    assert outline_px(image, paint(image, (72, 93, 62))) is None


def test_nothing_but_belt_has_no_outline() -> None:
    assert outline_px(belt(), (100, 80, 200, 160)) is None


def test_two_items_that_touch_are_not_measured_as_one() -> None:
    image = belt()
    box = paint(image, (40, 60, 200), ((120.0, 120.0), (60.0, 60.0), 0.0))
    paint(image, (40, 60, 200), ((180.0, 120.0), (60.0, 60.0), 0.0))
    assert outline_px(image, box) is None


def test_an_item_at_the_pictures_edge_is_not_measured() -> None:
    image = belt()
    assert (
        outline_px(image, paint(image, (40, 60, 200), ((20.0, 120.0), (60.0, 60.0), 0.0))) is None
    )


def test_a_box_that_does_not_agree_is_not_trusted() -> None:
    image = belt()
    left, top, right, bottom = paint(image, (40, 60, 200))
    assert outline_px(image, (left, top, right + 60, bottom + 60)) is None


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (100, 100, 100, 100), (-20, -20, -5, -5)])
def test_boxes_of_no_size_have_no_outline(box: tuple[float, float, float, float]) -> None:
    assert outline_px(belt(), box) is None
