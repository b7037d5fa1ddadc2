"""Gathers what the frames say about one item: class probabilities, votes, size, codes, picture.

Pure. Which product that makes is left to `decision`, following the item to `tracker`.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.station.codes import CodesInProgress, ItemCode
from edge_agent.station.footprint import Footprint, median_footprint
from edge_agent.station.geometry import BoxXyxyPx

# A detector draws a cut item's box about this far short of the edge that cuts it.
_EDGE_PX = 3.0
# What the latest whole views measured is kept, so that an item may lie for hours.
_MAX_FOOTPRINTS = 256


@dataclass(frozen=True, eq=False)
class Sighting:
    """What was seen of one item until its decision.

    Attributes:
        probabilities: float32 [C], 0..1: mean of the calibrated class scores over its views.
        views: Frames that showed it whole; each is one vote.
        agreement: Share of those whose best class is the best class of all.
        footprint: The median of what they measured; None where that is not known.
        codes: The barcodes read on it that count.
    """

    probabilities: NDArray[np.float32]
    views: int
    agreement: float
    footprint: Footprint | None = None
    codes: tuple[ItemCode, ...] = ()

    @property
    def best_class(self) -> int:
        """Index of the class that leads."""
        return int(np.argmax(self.probabilities))


@dataclass(frozen=True, eq=False)
class BestView:
    """The picture of an item to keep.

    Attributes:
        crop_bgr: uint8 [height, width, 3], BGR: the item cut out of its frame.
        box_xyxy_px: Where it was in the frame.
        quality: Higher is better.
        is_whole: False where the frame's edge cuts the item.
    """

    crop_bgr: NDArray[np.uint8]
    box_xyxy_px: BoxXyxyPx
    quality: float
    is_whole: bool = True


class SightingInProgress:
    """One item's sighting while it passes.

    Attributes:
        best_view: The picture of it to keep.
        codes: The barcodes read on it.
    """

    def __init__(self, classes: int) -> None:
        self._sum = np.zeros(classes, np.float64)
        self._best_counts = np.zeros(classes, np.int64)
        self._views = 0
        self._footprints: deque[Footprint | None] = deque(maxlen=_MAX_FOOTPRINTS)
        self._partial: NDArray[np.float32] | None = None
        self.best_view: BestView | None = None
        self.codes = CodesInProgress()

    def add(self, class_scores: NDArray[np.float32], is_whole: bool) -> None:
        """Takes one frame's scores in.

        Args:
            class_scores: float32 [C], 0..1, calibrated.
            is_whole: False where the image's edge cuts the item: such a view is no vote, for half
                an item looks like another.
        """
        if not is_whole:
            self._partial = class_scores
            return
        self._sum += class_scores
        self._best_counts[int(np.argmax(class_scores))] += 1
        self._views += 1

    def add_footprint(self, footprint: Footprint | None) -> None:
        """Takes in what a whole view measured; None where it could not."""
        self._footprints.append(footprint)

    def offer_view(self, view: BestView) -> None:
        """Keeps the picture if it is the best so far."""
        if self.best_view is None or view.quality > self.best_view.quality:
            self.best_view = view

    @property
    def views(self) -> int:
        """Votes so far."""
        return self._views

    @property
    def footprint(self) -> Footprint | None:
        """What the views measured so far."""
        return median_footprint(self._footprints)

    def sighting(self) -> Sighting:
        """What is known so far; without a whole view, the last partial one stands as no vote."""
        if self._views == 0:
            scores = self._partial if self._partial is not None else np.zeros_like(self._sum)
            return Sighting(scores.astype(np.float32), 0, 0.0, codes=self.codes.agreed)
        probabilities = (self._sum / self._views).astype(np.float32)
        agreement = self._best_counts[int(np.argmax(probabilities))] / self._views
        return Sighting(
            probabilities, self._views, float(agreement), self.footprint, self.codes.agreed
        )


def is_whole(box_xyxy_px: BoxXyxyPx, width_px: int, height_px: int) -> bool:
    """True for a box that stays off the edges of an image of this size."""
    left, top, right, bottom = box_xyxy_px
    return (
        min(left, top) > _EDGE_PX and right < width_px - _EDGE_PX and bottom < height_px - _EDGE_PX
    )
