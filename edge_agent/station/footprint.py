"""What an item measures on the belt: from pixels to the belt's plane, and the tightest rectangle.

Pure. The plane is that of the belt itself: an item of some height is nearer to the camera and
measures larger, by up to height / (camera's height - height).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Homography = tuple[
    tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]
]


@dataclass(frozen=True)
class Footprint:
    """The tightest rectangle around an item on the belt, however it lies.

    Attributes:
        length_mm: Its longer side.
        width_mm: Its shorter side.
    """

    length_mm: float
    width_mm: float

    def __str__(self) -> str:
        """Says it for a person."""
        return f"{self.length_mm:.0f} x {self.width_mm:.0f} mm"


@dataclass(frozen=True)
class BeltPlane:
    """Where a pixel lies on the belt.

    Attributes:
        px_to_mm: Homography from (x, y, 1) in pixels to the belt's plane in millimetres.
        picture_px: Width and height of the pictures that it holds for; None for any.
    """

    px_to_mm: Homography
    picture_px: tuple[int, int] | None = None

    @classmethod
    def of_scale(cls, mm_per_px: float) -> "BeltPlane":
        """The plane under a camera that looks straight down."""
        return cls(((mm_per_px, 0.0, 0.0), (0.0, mm_per_px, 0.0), (0.0, 0.0, 1.0)))

    def to_mm(self, points_px: NDArray[np.float32]) -> NDArray[np.float64]:
        """Brings points from pixels to the belt, both [N, 2], x and y; float64 in millimetres."""
        full = np.column_stack([points_px, np.ones(len(points_px))]) @ np.array(self.px_to_mm).T
        placed: NDArray[np.float64] = full[:, :2] / full[:, 2:]
        return placed

    def footprint(self, outline_px: NDArray[np.float32]) -> Footprint:
        """Measures a convex outline, float32 [N, 2] in pixels, N at least 3."""
        points = self.to_mm(outline_px)
        edges = np.roll(points, -1, axis=0) - points
        # The tightest rectangle has a side along one of the outline's edges.
        angles = np.arctan2(edges[:, 1], edges[:, 0])
        cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
        along = cos * points[:, 0] + sin * points[:, 1]
        across = cos * points[:, 1] - sin * points[:, 0]
        sides = np.stack([np.ptp(along, axis=1), np.ptp(across, axis=1)], axis=1)
        tightest = sides[np.argmin(sides.prod(axis=1))]
        return Footprint(float(tightest.max()), float(tightest.min()))


def median_footprint(views: Sequence[Footprint | None]) -> Footprint | None:
    """Fuses what several views measured; None unless at least half of them could."""
    sides = [(view.length_mm, view.width_mm) for view in views if view is not None]
    if not sides or 2 * len(sides) < len(views):
        return None
    length_mm, width_mm = np.median(sides, axis=0)
    return Footprint(float(length_mm), float(width_mm))
