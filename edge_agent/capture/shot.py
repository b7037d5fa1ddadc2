"""One image as it arrived from a camera, and the end of a connection to one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class SourceBroken(Exception):  # noqa: N818 - the state's own name
    """The camera cannot be opened or gives no more frames; says why."""


@dataclass(frozen=True, eq=False)
class Shot:
    """One image as it arrived.

    Attributes:
        image_bgr: uint8 [height, width, 3], 0..255, BGR.
        arrived_at: Seconds since the epoch.
        stamped_at: When it was taken by the camera's own clock, in seconds from whenever; None
            where the camera does not say.
    """

    image_bgr: NDArray[np.uint8]
    arrived_at: float
    stamped_at: float | None = None
