"""What a person is shown of an item that was sent to review. Pure data."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.station.decision import Decision
from edge_agent.station.geometry import BoxXyxyPx


@dataclass(frozen=True, eq=False)
class ReviewView:
    """The zone at the moment of an item's decision.

    Attributes:
        item_id: The item.
        captured_at: Time of the frame, in seconds since the epoch.
        decision: What was decided, and why.
        zone_bgr: uint8 [height, width, 3], BGR, a copy: the zone, and nothing around it.
        box_xyxy_px: Where the item is in it; None where it is out of sight.
        release: Name of the release that decided.
        package_sha256: Digest of its package.
    """

    item_id: str
    captured_at: float
    decision: Decision
    zone_bgr: NDArray[np.uint8]
    box_xyxy_px: BoxXyxyPx | None
    release: str
    package_sha256: str
