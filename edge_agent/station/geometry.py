"""Where items enter, are decided and leave, in the camera's pixels. Following them is left to the
tracker."""

from dataclasses import dataclass
from typing import Literal

from edge_agent.station.footprint import BeltPlane

Travel = Literal["right", "left", "down", "up", "none"]
BoxXyxyPx = tuple[float, float, float, float]

_DIRECTIONS: dict[Travel, tuple[float, float]] = {
    "right": (1.0, 0.0),
    "left": (-1.0, 0.0),
    "down": (0.0, 1.0),
    "up": (0.0, -1.0),
    "none": (0.0, 0.0),
}

# An item first seen in this share of the way to the decision line came in by the entry edge, give
# or take a few missed frames. Further in, it must be explained: nothing grows on a belt.
_ENTRY_SHARE = 0.6


@dataclass(frozen=True)
class StationGeometry:
    """The zone of one station.

    Attributes:
        zone_xyxy_px: The part of the image in which items count, by their centres.
        travel: Where the belt carries items in the image; "none" is a bench, or a camera that is
            moved over resting goods: items are then decided after a dwell.
        decide_at: Place of the decision line, as a share (0..1) of the zone along the travel.
        speed_px_s: Belt speed where it is known; else it is learnt.
        plane: Where a pixel lies on the belt in millimetres, where that is known.
    """

    zone_xyxy_px: BoxXyxyPx
    travel: Travel = "right"
    decide_at: float = 0.6
    speed_px_s: float | None = None
    plane: BeltPlane | None = None

    @property
    def is_belt(self) -> bool:
        """True where items travel."""
        return self.travel != "none"

    @property
    def direction(self) -> tuple[float, float]:
        """Unit vector of the travel in the image; (0, 0) where nothing travels."""
        return _DIRECTIONS[self.travel]

    @property
    def length_px(self) -> float:
        """Length of the zone along the travel (its longer side where nothing travels)."""
        left, top, right, bottom = self.zone_xyxy_px
        match self.travel:
            case "right" | "left":
                return right - left
            case "down" | "up":
                return bottom - top
            case "none":
                return max(right - left, bottom - top)

    @property
    def line_px(self) -> float:
        """Distance of the decision line from the entry edge."""
        return self.decide_at * self.length_px

    @property
    def entry_px(self) -> float:
        """Depth, from the entry edge, up to which an item may appear without explanation."""
        return _ENTRY_SHARE * self.line_px

    def contains(self, x_px: float, y_px: float) -> bool:
        """True for a point in the zone."""
        left, top, right, bottom = self.zone_xyxy_px
        return left <= x_px <= right and top <= y_px <= bottom

    def along_px(self, x_px: float, y_px: float) -> float:
        """Distance from the entry edge along the travel; 0 where nothing travels."""
        left, top, right, bottom = self.zone_xyxy_px
        match self.travel:
            case "right":
                return x_px - left
            case "left":
                return right - x_px
            case "down":
                return y_px - top
            case "up":
                return bottom - y_px
            case "none":
                return 0.0

    def middle_px(self, along_px: float) -> tuple[float, float]:
        """The point so far from the entry edge along the travel, in the middle across it."""
        left, top, right, bottom = self.zone_xyxy_px
        x_px, y_px = (left + right) / 2, (top + bottom) / 2
        match self.travel:
            case "right":
                return left + along_px, y_px
            case "left":
                return right - along_px, y_px
            case "down":
                return x_px, top + along_px
            case "up":
                return x_px, bottom - along_px
            case "none":
                return x_px, y_px

    def across_px(self, x_px: float, y_px: float) -> float:
        """Position across the travel, from the zone's left or upper edge."""
        left, top, _, _ = self.zone_xyxy_px
        return y_px - top if self.travel in ("right", "left") else x_px - left


def centre_px(box_xyxy_px: BoxXyxyPx) -> tuple[float, float]:
    """The centre of a box."""
    left, top, right, bottom = box_xyxy_px
    return float(left + right) / 2, float(top + bottom) / 2
