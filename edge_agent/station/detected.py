"""What the station's rules need to know of a detection. Who finds them is left to `vision`."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_agent.station.geometry import BoxXyxyPx


class Detected(Protocol):
    """One box in one frame."""

    @property
    def box_xyxy_px(self) -> BoxXyxyPx:
        """Box in image pixels."""
        ...

    @property
    def score(self) -> float:
        """Calibrated probability of the best class."""
        ...

    @property
    def class_scores(self) -> NDArray[np.float32]:
        """float32 [C], 0..1: calibrated probability of each class."""
        ...
