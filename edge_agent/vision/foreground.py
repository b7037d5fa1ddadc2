"""Finds whatever lies on a belt without any model: what differs from the belt's own look.

For when no model can run. It knows no classes, and takes no picture for granted: the belt is what
most of each line along the travel shows, at this very moment. A belt that is covered for more than
half of its length, or as patterned as the goods, is beyond it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.station.geometry import BoxXyxyPx

_WIDTH_PX = 240
# Differences of lightness and colour (CIE L*a*b*, 8 bits) that a belt's own spread explains, and
# the least that an item has.
_SPREADS = 4.0
_LEAST_DIFFERENCE = 14.0
# Shadows are darker belt: a difference of lightness alone must be this much larger.
_LIGHT_WEIGHT = 0.6
_CLOSING_PX = 9
_LEAST_AREA_SHARE = 0.004
_MOST_ITEMS = 32
_SCORE = 0.5


@dataclass(frozen=True, eq=False)
class Something:
    """An item of which only the place is known.

    Attributes:
        box_xyxy_px: Corners in image pixels.
        score: How sure it is that it is one.
        class_scores: float32 [C], all 0: nothing speaks for any class.
    """

    box_xyxy_px: BoxXyxyPx
    score: float
    class_scores: NDArray[np.float32]


class ForegroundDetector:
    """Implements the station's detector where there is no model.

    Args:
        classes: How many classes the release has: an item may be any of them.
        zone_xyxy_px: Where to look.
        is_upright: Whether the belt travels up or down in the picture.
    """

    def __init__(self, classes: int, zone_xyxy_px: BoxXyxyPx, *, is_upright: bool = False) -> None:
        self._scores = np.zeros(classes, np.float32)
        self._zone_xyxy_px, self._is_upright = zone_xyxy_px, is_upright

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[Something]:
        """Returns what lies in the zone of an image (uint8 [height, width, 3], BGR)."""
        height_px, width_px = image_bgr.shape[:2]
        left, top, right, bottom = self._zone_xyxy_px
        x0, y0 = max(0, round(left)), max(0, round(top))
        zone = image_bgr[y0 : min(height_px, round(bottom)), x0 : min(width_px, round(right))]
        if min(zone.shape[:2]) < 2:
            return []
        scale = min(1.0, _WIDTH_PX / zone.shape[1])
        small = np.asarray(
            cv2.resize(zone, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
        )
        mask = _foreground(small, along=0 if self._is_upright else 1)
        return [
            Something(
                (
                    x0 + x / scale,
                    y0 + y / scale,
                    x0 + (x + width) / scale,
                    y0 + (y + height) / scale,
                ),
                _SCORE,
                self._scores,
            )
            for x, y, width, height in _boxes(mask)
        ]


def _foreground(zone_bgr: NDArray[np.uint8], along: int) -> NDArray[np.uint8]:
    """Marks what differs from the belt.

    Args:
        zone_bgr: uint8 [H, W, 3], BGR.
        along: Axis along which the belt travels: there it looks alike.

    Returns:
        uint8 [H, W], 0 or 255.
    """
    lab = cv2.cvtColor(zone_bgr, cv2.COLOR_BGR2LAB).astype(np.float32)
    lab[..., 0] *= _LIGHT_WEIGHT
    belt = np.median(lab, axis=along, keepdims=True)
    difference = np.sqrt(((lab - belt) ** 2).sum(axis=2))
    # The belt is the smaller half of all differences; what its texture and noise explain is none.
    spread = 1.4826 * float(np.median(difference))
    differs = difference > max(_LEAST_DIFFERENCE, _SPREADS * spread)
    dots = np.ones((3, 3), np.uint8)
    mask = cv2.morphologyEx(255 * differs.astype(np.uint8), cv2.MORPH_OPEN, dots)
    holes = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_CLOSING_PX, _CLOSING_PX))
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, holes), np.uint8)


def _boxes(mask: NDArray[np.uint8]) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height of each large enough part, the largest first."""
    _, _, parts, _ = cv2.connectedComponentsWithStats(mask)
    least = _LEAST_AREA_SHARE * mask.size
    large = [part for part in parts[1:] if part[cv2.CC_STAT_AREA] >= least]
    large.sort(key=lambda part: -int(part[cv2.CC_STAT_AREA]))
    return [(int(x), int(y), int(w), int(h)) for x, y, w, h, _ in large[:_MOST_ITEMS]]
