"""Finds an item's outline in its detection's box: what differs from the belt around it.

Pure. What the outline measures on the belt is left to `station.footprint`.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

# The box grows by this share of its size, and so many pixels, so that belt is seen all around.
_MARGIN_SHARE = 0.1
_MARGIN_PX = 6
# Otsu's threshold parts an item's bright from its dark as well: half of it parts both from the
# belt. Below the least difference (of 0..255) there is nothing but noise.
_THRESHOLD_SHARE = 0.5
_LEAST_DIFFERENCE = 12.0
_MOST_DIFFERENCE = 25.0
# A shadow has the belt's colour with less of its light, down to this share: that counts little.
_DEEPEST_SHADOW = 0.3
_SHADOW_WEIGHT = 0.15
# The outline's own box and the detector's must cover each other so far, or one of the two is wrong.
_LEAST_OVERLAP = 0.75
_LEAST_AREA_SHARE = 0.3


def outline_px(
    image_bgr: NDArray[np.uint8], box_xyxy_px: tuple[float, float, float, float]
) -> NDArray[np.float32] | None:
    """Returns the convex outline of the item in a box.

    Args:
        image_bgr: uint8 [height, width, 3], BGR: the frame.
        box_xyxy_px: The detection's box in it.

    Returns:
        float32 [N, 2], x and y in the frame's pixels (the first one's centre is at 0.5); None where
        item and belt cannot be told apart with trust: too little contrast, another item or the
        frame's edge touches it, or the outline does not agree with the box.
    """
    height_px, width_px = image_bgr.shape[:2]
    left, top, right, bottom = box_xyxy_px
    margin_x = _MARGIN_PX + _MARGIN_SHARE * (right - left)
    margin_y = _MARGIN_PX + _MARGIN_SHARE * (bottom - top)
    x0, y0 = max(0, round(left - margin_x)), max(0, round(top - margin_y))
    x1, y1 = min(width_px, round(right + margin_x)), min(height_px, round(bottom + margin_y))
    if x1 - x0 < 3 * _MARGIN_PX or y1 - y0 < 3 * _MARGIN_PX:
        return None
    mask = _differs(image_bgr[y0:y1, x0:x1])
    inner = (left - x0, top - y0, right - x0, bottom - y0)
    found = _item_contour(mask, inner)
    if found is None:
        return None
    # Half a pixel to the centres; the other half that a contour lacks is made up for by blur.
    hull = cv2.convexHull(found).reshape(-1, 2)
    return np.asarray(hull + np.array([x0 + 0.5, y0 + 0.5], np.float32), np.float32)


def _differs(crop_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What in a crop (uint8 [height, width, 3], BGR) is not belt: uint8 [height, width], 0, 255."""
    bgr = cv2.GaussianBlur(crop_bgr, (3, 3), 0).astype(np.float32)
    edges = (bgr[:2], bgr[-2:], bgr[:, :2], bgr[:, -2:])
    border = np.concatenate([edge.reshape(-1, 3) for edge in edges])
    belt_bgr = np.maximum(np.median(border, axis=0), 1.0)
    light = bgr @ belt_bgr / (belt_bgr @ belt_bgr)
    colour = bgr - light[..., None] * belt_bgr
    is_shade = (light < 1) & (light > _DEEPEST_SHADOW)
    brightness = (light - 1) * np.linalg.norm(belt_bgr) * np.where(is_shade, _SHADOW_WEIGHT, 1.0)
    difference = np.sqrt((colour**2).sum(axis=2) + brightness**2)
    levels = np.minimum(difference, 255).astype(np.uint8)
    otsu, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    least = min(max(_THRESHOLD_SHARE * otsu, _LEAST_DIFFERENCE), _MOST_DIFFERENCE)
    _, mask = cv2.threshold(levels, least, 255, cv2.THRESH_BINARY)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return np.asarray(opened, np.uint8)


def _item_contour(
    mask: NDArray[np.uint8], inner_xyxy_px: tuple[float, float, float, float]
) -> NDArray[np.float32] | None:
    """The contour ([N, 2], pixel columns and rows) that the box means; None without trust."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    contour = max(contours, key=cv2.contourArea)
    x, y, width, height = cv2.boundingRect(contour)
    rows, columns = mask.shape
    if x == 0 or y == 0 or x + width == columns or y + height == rows:
        return None
    left, top, right, bottom = inner_xyxy_px
    across = max(0.0, min(right, x + width) - max(left, x))
    down = max(0.0, min(bottom, y + height) - max(top, y))
    box_area = (right - left) * (bottom - top)
    both = across * down
    if both < _LEAST_OVERLAP * (box_area + width * height - both):
        return None
    if cv2.contourArea(contour) < _LEAST_AREA_SHARE * box_area:
        return None
    return np.asarray(contour.reshape(-1, 2), np.float32)
