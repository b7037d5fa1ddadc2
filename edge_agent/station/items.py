"""The items of a station, and what a frame brings of them: the words of `station`. Pure."""

from dataclasses import dataclass, field
from typing import Literal

from beltmark.contract.catalogue import Catalogue
from beltmark.contract.package import Manifest
from beltmark.contract.policy import Policy
from beltmark.contract.terms import Outcome
from edge_agent.station.beyond import Left
from edge_agent.station.decision import Decision
from edge_agent.station.sighting import BestView, SightingInProgress
from edge_agent.station.track import Track


@dataclass(frozen=True, eq=False)
class Rules:
    """What a release says of items."""

    manifest: Manifest
    policy: Policy
    catalogue: Catalogue


@dataclass(eq=False)
class Item:
    """One item in the zone. Owned and changed by the station; others read.

    Attributes:
        item_id: Its identity; changes once if it is recognised.
        track: Its way.
        sighting: What was seen of it.
        came: By the entry edge, there at the start, from nowhere inside the zone, or back over an
            edge by which something left.
        rules: The release's that its sighting goes by: its scores are of that release's classes.
        outcome: Its outcome, once decided.
        was: Item that left by an edge, and that this one is or may be.
        seen_with: On a bench, the items that were seen beside it: it is none of those.
    """

    item_id: str
    track: Track
    sighting: SightingInProgress
    came: Literal["entry", "start", "inside", "back"]
    rules: Rules
    outcome: Outcome | None = None
    was: Left | None = None
    seen_with: set[str] = field(default_factory=set)

    @property
    def class_name(self) -> str | None:
        """The class that leads among its views so far."""
        sighting = self.sighting.sighting()
        return self.rules.manifest.classes[sighting.best_class] if sighting.views else None


@dataclass(frozen=True, eq=False)
class Decided:
    """An item's decision, with the place where the item was last seen before it."""

    item_id: str
    decision: Decision
    x_px: float
    y_px: float
    seen_at: float
    best_view: BestView | None = None


EyeEvent = Literal["matched", "joined", "missed", "repeated", "unseen"]
"""See the fields of `eye_words.EyeUpdate`."""


@dataclass(frozen=True)
class EyePass:
    """One event at the photo-eye, with the item that it is about."""

    at: float
    what: EyeEvent
    item_id: str


@dataclass(frozen=True)
class StationUpdate:
    """What one frame brought.

    Attributes:
        seen: Items seen in it, each with the index of its detection.
        decided: Items decided by it.
        still_here: Items recognised whose review is an old one: they are to leave the belt.
        at_eye: What the photo-eye told, in order.
    """

    seen: tuple[tuple[Item, int], ...] = ()
    decided: tuple[Decided, ...] = ()
    still_here: tuple[Item, ...] = ()
    at_eye: tuple[EyePass, ...] = ()
