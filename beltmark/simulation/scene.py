"""One picture of the belt with its truth: paints the items over each other and notes what is seen.

Pure: the same placements, travel and random generator give the same picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.simulation.raymarch import Glimpse, Posed, cast_on, look
from beltmark.simulation.sensor import Eye
from beltmark.simulation.solid import ImageArray
from beltmark.simulation.surfaces import Backdrop
from beltmark.simulation.view import View

MIN_SEEN_PX = 12
"""An item with fewer visible pixels is not in the picture's truth."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Where an item is on the belt."""

    item_id: int
    posed: Posed
    x_mm: float
    y_mm: float


@dataclass(frozen=True)
class Shot:
    """What is before the camera at a moment, to be drawn later.

    Attributes:
        index: Of the frame.
        at_s: The moment.
        travel_mm: How far the belt has come.
        placements: Where the items are.
        noise: The sensor's chance in this frame.
    """

    index: int
    at_s: float
    travel_mm: float
    placements: list[Placement]
    noise: np.random.Generator


@dataclass(frozen=True)
class SeenItem:
    """What of an item is in a picture.

    Attributes:
        item_id: Whose it is.
        box_xyxy_px: The tight box of its visible pixels; right and bottom are exclusive.
        visible_fraction: Share of the item's pixels that are inside the image and uncovered.
        truncated: Whether it reaches over the image's edge.
    """

    item_id: int
    box_xyxy_px: tuple[int, int, int, int]
    visible_fraction: float
    truncated: bool


@dataclass(frozen=True, eq=False)
class Picture:
    """A rendered frame, [H, W, 3] uint8 BGR, and what is on it.

    `owner` tells for each pixel which of `seen` it shows, [H, W] int16 item ids, -1 for none.
    """

    image_bgr: ImageArray
    seen: tuple[SeenItem, ...]
    owner: NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Painting:
    """A picture before it is exposed, [H, W, 3] uint8 BGR, and as in `Picture` what is on it."""

    canvas: ImageArray
    seen: tuple[SeenItem, ...]
    owner: NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Scene:
    """A camera over a belt under a light."""

    view: View
    backdrop: Backdrop
    eye: Eye

    def render(
        self, placements: list[Placement], travel_mm: float, rng: np.random.Generator
    ) -> Picture:
        """Take a picture of the belt and the items on it."""
        painting = self.paint(placements, travel_mm)
        image_bgr = self.eye.expose(painting.canvas, rng)
        return Picture(image_bgr, painting.seen, painting.owner)

    def paint(self, placements: list[Placement], travel_mm: float) -> Painting:
        """Paint the belt and the items on it, those farthest from the camera first."""
        canvas = self.backdrop.render(travel_mm)
        owner = np.full(canvas.shape[:2], -1, np.int16)
        whole_px: dict[int, tuple[int, bool]] = {}
        for placed in sorted(placements, key=self._depth):
            cast_on(canvas, placed.posed, placed.x_mm, placed.y_mm, self.view)
            glimpse = look(placed.posed, placed.x_mm, placed.y_mm, self.view)
            if glimpse is not None:
                whole_px[placed.item_id] = self._paint(canvas, owner, glimpse, placed.item_id)
        seen = tuple(
            item
            for item_id, (count, truncated) in whole_px.items()
            if (item := _seen(owner, item_id, count, truncated)) is not None
        )
        return Painting(canvas, seen, owner)

    def _depth(self, placed: Placement) -> float:
        """Items nearer to the camera's foot lean over those farther away."""
        foot = self.view.foot_mm
        return -float(np.hypot(placed.x_mm - foot[0], placed.y_mm - foot[1]))

    def _paint(
        self, canvas: ImageArray, owner: NDArray[np.int16], glimpse: Glimpse, item_id: int
    ) -> tuple[int, bool]:
        """Blend one item in; returns its full pixel count and whether the edge cuts it."""
        height, width = glimpse.mask.shape
        left, top = max(glimpse.left_px, 0), max(glimpse.top_px, 0)
        right = min(glimpse.left_px + width, self.view.width_px)
        bottom = min(glimpse.top_px + height, self.view.height_px)
        inner = (
            slice(top - glimpse.top_px, bottom - glimpse.top_px),
            slice(left - glimpse.left_px, right - glimpse.left_px),
        )
        mask = glimpse.mask[inner]
        # Half of an edge pixel shows the belt: a light blur of the mask is its coverage.
        cover = cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0.55)[..., None]
        region = canvas[top:bottom, left:right]
        region[:] = (region + (glimpse.bgr[inner] - region.astype(np.float32)) * cover).astype(
            np.uint8
        )
        owner[top:bottom, left:right][mask] = item_id
        count = int(np.count_nonzero(glimpse.mask))
        return count, int(np.count_nonzero(mask)) < count


def _seen(
    owner: NDArray[np.int16], item_id: int, whole_px: int, truncated: bool
) -> SeenItem | None:
    mine = (owner == item_id).astype(np.uint8)
    count = int(cv2.countNonZero(mine))
    if count < MIN_SEEN_PX:
        return None
    left, top, width, height = cv2.boundingRect(mine)
    box = (left, top, left + width, top + height)
    return SeenItem(item_id, box, min(count / max(whole_px, 1), 1.0), truncated)
