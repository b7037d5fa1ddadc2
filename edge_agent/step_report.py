"""What one frame brought, for those who show it. Words only."""

from dataclasses import dataclass

from beltmark.contract.terms import Outcome
from edge_agent.station.decision import Decision
from edge_agent.station.geometry import BoxXyxyPx


@dataclass(frozen=True)
class ItemInZone:
    """An item in the zone, as it is shown.

    Attributes:
        item_id: Its identity.
        box_xyxy_px: Where it was last seen.
        outcome: Its outcome, once decided.
    """

    item_id: str
    box_xyxy_px: BoxXyxyPx
    outcome: Outcome | None


@dataclass(frozen=True)
class StepReport:
    """What one frame brought.

    Attributes:
        frame_index: Index of the frame.
        captured_at: Its time.
        was_looked_at: Whether the detector looked at it.
        detections: How many boxes the detector found.
        items: The items in the zone.
        decided: Items decided by this frame, with their decisions.
        speed_px_s: Speed of the running belt, where it is known.
    """

    frame_index: int
    captured_at: float
    was_looked_at: bool
    detections: int
    items: tuple[ItemInZone, ...]
    decided: tuple[tuple[str, Decision], ...]
    speed_px_s: float | None
