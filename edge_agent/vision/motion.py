"""Tells an empty zone from one in which something has changed, far quicker than a detector does.

The zone is averaged over cells and held against what it looked like while nothing was in it: noise
and the pattern of a running belt are learnt, slow changes of light are followed. Whether a frame
may be passed over for it is the station's to say.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.station.geometry import BoxXyxyPx

_CELL_PX = 16
# Grey levels below which a cell's deviation is taken to be the rounding of a picture without noise.
_LEAST_DEVIATION = 0.4
# A pattern of marks and seams makes some cell stand out in most frames: how much so is learnt as
# well, and a change is what stands out by so many times that. An item stands out by ten times.
_CHANGE_TIMES = 2.0
_LEAST_USUAL = 2.5
# The most outstanding cell may be one of dust.
_RANK = 2
# Frames of an empty zone that are learnt: the cells first, then how much they stand out.
_CELLS_FRAMES = 30
_READY_FRAMES = 60
# How much one frame counts in what is learnt. One that shows a change counts little, or the fronts
# of items would pass for the pattern of the belt before a detector sees what they are.
_USUAL_GAIN = 1 / 64
_CHANGED_GAIN = 1 / 512


class MotionGate:
    """Says which frames a detector must look at. For use from one thread.

    Args:
        zone_xyxy_px: The part of the picture that counts.
    """

    def __init__(self, zone_xyxy_px: BoxXyxyPx) -> None:
        self._zone_xyxy_px = zone_xyxy_px
        self._latest: NDArray[np.float32] | None = None
        self._looked_at: float | None = None
        self._forget(np.zeros((0, 0, 3), np.float32))

    def must_look(self, image_bgr: NDArray[np.uint8], at: float, longest_s: float) -> bool:
        """Whether the detector must look at a frame; asked for each frame, in order.

        Args:
            image_bgr: uint8 [height, width, 3], 0..255 BGR.
            at: When it was captured, in seconds.
            longest_s: How long nobody needs to look; 0 while anything is in the zone.
        """
        if longest_s <= 0:
            self._latest, self._looked_at = None, at
            return True
        if self._latest is not None:  # nothing came of it: so it showed an empty zone
            self._learn(self._latest)
        cells = self._latest = self._cells(image_bgr)
        if cells.shape != self._mean.shape:
            self._forget(cells)
        is_due = self._looked_at is None or not 0 <= at - self._looked_at < longest_s
        if is_due or self._has_changed(self._outstanding(cells)):
            self._looked_at = at
            return True
        return False

    def _forget(self, cells: NDArray[np.float32]) -> None:
        self._learnt, self._usual = 0, 0.0
        self._mean, self._deviation = cells.copy(), np.zeros_like(cells)

    def _cells(self, image_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Means over cells of the zone, float32 [rows, columns, 3], 0..255 BGR."""
        height_px, width_px = image_bgr.shape[:2]
        left, top, right, bottom = (max(0, round(edge)) for edge in self._zone_xyxy_px)
        zone = image_bgr[top : min(bottom, height_px), left : min(right, width_px)]
        rows, columns = (max(1, side // _CELL_PX) for side in zone.shape[:2])
        if zone.size == 0:
            return np.zeros((rows, columns, 3), np.float32)
        cells = cv2.resize(zone, (columns, rows), interpolation=cv2.INTER_AREA)
        return np.asarray(cells, np.float32)

    def _outstanding(self, cells: NDArray[np.float32]) -> float:
        """By how many times its usual deviation the cell of rank `_RANK` is off its mean."""
        away = cells - self._mean
        away -= np.median(away)  # a light that flickers changes all of them alike
        ratios = np.abs(away) / np.maximum(self._deviation, _LEAST_DEVIATION)
        most = ratios.max(axis=2).ravel()
        return float(np.partition(most, -_RANK)[-_RANK] if most.size >= _RANK else most.max())

    def _has_changed(self, outstanding: float) -> bool:
        return self._learnt < _READY_FRAMES or (
            outstanding > _CHANGE_TIMES * max(_LEAST_USUAL, self._usual)
        )

    def _learn(self, cells: NDArray[np.float32]) -> None:
        outstanding = self._outstanding(cells)
        gain = _CHANGED_GAIN if self._has_changed(outstanding) else _USUAL_GAIN
        usual_gain = 0.0 if self._has_changed(outstanding) else _USUAL_GAIN
        self._learnt += 1
        if self._learnt <= _CELLS_FRAMES:
            gain = 1 / self._learnt
        elif self._learnt <= _READY_FRAMES:
            gain, usual_gain = _USUAL_GAIN, 1 / (self._learnt - _CELLS_FRAMES)
        away = cells - self._mean
        self._mean += gain * away
        self._deviation += gain * (np.abs(away) - self._deviation)
        self._usual += usual_gain * (outstanding - self._usual)
