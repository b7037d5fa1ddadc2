"""One image of a camera or file, and when it was taken. Where it comes from is the camera's."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Frame:
    """One image.

    Attributes:
        image_bgr: uint8 [height, width, 3], 0..255, BGR.
        index: Position in its source, from 0; dropped frames leave gaps.
        captured_at: Seconds since the epoch for live sources; start + index / fps for files.
    """

    image_bgr: NDArray[np.uint8]
    index: int
    captured_at: float
