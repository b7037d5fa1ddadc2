"""Whether a camera delivers, and whether its pictures can be of use. Pure.

Reading frames, watching the clock and connecting anew are left to `live` and `recorded`.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

CameraState = Literal["starting", "up", "stale", "down", "ended"]
Signal = Literal["frame", "quiet", "silent", "failed", "ended"]

TRANSITIONS: dict[tuple[CameraState, Signal], CameraState] = {
    ("starting", "frame"): "up",
    ("starting", "silent"): "down",
    ("starting", "failed"): "down",
    ("starting", "ended"): "ended",
    ("up", "quiet"): "stale",
    ("up", "silent"): "down",
    ("up", "failed"): "down",
    ("up", "ended"): "ended",
    ("stale", "frame"): "up",
    ("stale", "silent"): "down",
    ("stale", "failed"): "down",
    ("stale", "ended"): "ended",
    ("down", "frame"): "up",
    ("down", "ended"): "ended",
}
"""Signals that change a state: a frame came, none came for a while or for long, the source broke,
or it had no more to give. Those that are not named here change nothing."""


@dataclass(frozen=True)
class CameraHealth:
    """A camera's state.

    Attributes:
        state: starting (no frame yet), up, stale (frames are late), down, or ended (of a file).
        since: When it began, in seconds since the epoch.
        reason: Why, where it is not plain.
    """

    state: CameraState
    since: float
    reason: str = ""

    def after(self, signal: Signal, at: float, reason: str = "") -> "CameraHealth":
        """The health after a signal; this very object where nothing changes."""
        state = TRANSITIONS.get((self.state, signal))
        return self if state is None else CameraHealth(state, at, reason)


PictureFault = Literal["black", "frozen", "moved", "blurred", "dirty"]
"""That a camera was moved, or its lens is dirty, no single picture shows: `faults` tells."""

HOLDS_ON: tuple[PictureFault, ...] = ("black", "frozen", "moved")
"""Faults with which nothing in the picture can be relied upon: the belt is held."""

_TOLD: dict[PictureFault, str] = {
    "black": "the picture is black",
    "frozen": "the picture is frozen",
    "moved": "the picture is of another place: the camera was moved",
    "blurred": "the picture is blurred",
    "dirty": "the picture is dirty: nothing moves any more in a part of it",
}


def told_fault(fault: PictureFault) -> str:
    """Says a fault to a person."""
    return _TOLD[fault]


_BLACK_LEVEL = 12.0
# Variance of the Laplacian: sharp frames of a plain belt have 12 and more, with a lens out of focus
# (a blur of 5 pixels) less than 2.
_LEAST_SHARPNESS = 4.0


@dataclass(frozen=True, eq=False)
class PictureHealth:
    """What is wrong with the pictures of a camera that delivers.

    Attributes:
        fault: black, frozen (the same picture again and again), blurred, or None.
        since: When that began, in seconds since the epoch.
    """

    fault: PictureFault | None
    since: float
    previous_bgr: NDArray[np.uint8] | None = None
    same_since: float | None = None

    def after(
        self, image_bgr: NDArray[np.uint8], at: float, frozen_after_s: float
    ) -> "PictureHealth":
        """Judges one more picture, uint8 [H, W, 3] 0..255 BGR, taken at time `at`."""
        same = self.previous_bgr is not None and np.array_equal(self.previous_bgr, image_bgr)
        same_since = (self.same_since if self.same_since is not None else at) if same else None
        fault: PictureFault | None = None
        if same_since is not None and at - same_since >= frozen_after_s:
            fault = "frozen"
        elif float(np.percentile(image_bgr[::4, ::4], 99)) < _BLACK_LEVEL:
            fault = "black"
        elif _sharpness(image_bgr) < _LEAST_SHARPNESS:
            fault = "blurred"
        since = self.since if fault == self.fault else at
        return PictureHealth(fault, since, image_bgr, same_since)


def _sharpness(image_bgr: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of a uint8 [H, W, 3] BGR image's green."""
    return float(cv2.Laplacian(image_bgr[:, :, 1], cv2.CV_32F).var())
