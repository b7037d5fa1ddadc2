"""What truly happened at a simulated station: frames, labels, diverts. Words only.

Making a document of them is left to `truth`, judging them to `verdict`.
"""

from dataclasses import dataclass

from beltmark.simulation.scene import SeenItem
from beltmark.simulation.verdict import Marking


@dataclass(frozen=True)
class FrameTruth:
    """What one frame shows; the time is its exposure, seconds since the epoch."""

    index: int
    at_s: float
    travel_mm: float
    seen: tuple[SeenItem, ...]


@dataclass(frozen=True)
class LabelTruth:
    """A label that came out: what is on it, and the item that it landed on (None: the floor).

    One that lies at the applicator, or was taken away there, is on no item and on no floor.
    """

    at_s: float
    zpl: bytes
    marking: Marking | None
    item_id: int | None
    is_at_applicator: bool = False
    is_scrap: bool = False


@dataclass(frozen=True)
class DivertTruth:
    """A wish to take an item off, and the item that was taken (None: there was none)."""

    at_s: float
    named: str
    x_px: float
    y_px: float
    seen_at_s: float
    item_id: int | None
