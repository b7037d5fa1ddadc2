"""Remembers what left a belt that runs backward at times, by either edge, until it is back. Pure.

Nothing overtakes on a belt: of one lane, what left last comes back first. It is told by the belt's
way; where that is not known well enough, it is only known that it may be this one. How far the belt
has come is the odometer's.
"""

from dataclasses import dataclass
from typing import Literal

from edge_agent.station.odometer import Way
from edge_agent.station.recovery import Remembered

Edge = Literal["entry", "exit"]

MAX_BEYOND = 256
"""How many items are remembered at each edge; then the one that left first is forgotten."""

# Shares of an item's width: how far off its place it may be, and how much of a lane two share.
_SLACK_WIDTHS = 0.35
_SLACK_LEAST_PX = 10.0
_LANE_SHARE = 0.3


@dataclass(frozen=True)
class Left:
    """An item that left.

    Attributes:
        item: As it was last seen.
        edge: By which edge.
        end_px: Where along the travel its end towards the zone was: the other was cut.
        across_px: From where to where it lay across the travel.
        mark: How far the belt had come then.
    """

    item: Remembered
    edge: Edge
    end_px: float
    across_px: tuple[float, float]
    mark: Way


@dataclass(frozen=True)
class Comer:
    """Something that comes into sight at an edge.

    Attributes:
        edge: At which.
        end_px: Where along the travel its end towards the zone is.
        across_px: From where to where it lies across the travel.
    """

    edge: Edge
    end_px: float
    across_px: tuple[float, float]


@dataclass(frozen=True)
class Told:
    """Who a comer is.

    Attributes:
        left: The item that it is or may be; None for a new one.
        is_certain: Whether it is that one for sure.
    """

    left: Left | None = None
    is_certain: bool = False


class Beyond:
    """The items of one station beyond its edges."""

    def __init__(self) -> None:
        self._left: dict[str, Left] = {}

    def leave(self, left: Left) -> Remembered | None:
        """An item has left; returns the one that is forgotten for it."""
        same_edge = [kept for kept in self._left.values() if kept.edge == left.edge]
        forgotten = same_edge[0].item if len(same_edge) >= MAX_BEYOND else None
        if forgotten is not None:
            del self._left[forgotten.item_id]
        self._left[left.item.item_id] = left
        return forgotten

    def items(self, edge: Edge) -> tuple[Remembered, ...]:
        """What is beyond an edge, in the order in which it left."""
        return tuple(kept.item for kept in self._left.values() if kept.edge == edge)

    def come(self, comer: Comer, way: Way) -> Told:
        """Tells who a comer is, and forgets that one: it is in sight again.

        Args:
            comer: What came.
            way: How far the belt has come.
        """
        for kept in reversed([k for k in self._left.values() if _is_in_lane(k, comer)]):
            since = way.since(kept.mark)
            slack_px = _slack_px(comer.across_px)
            off_px = comer.end_px - kept.end_px
            if comer.edge == "exit":
                ahead, behind = (
                    off_px > since.most_px + slack_px,
                    off_px < since.least_px - slack_px,
                )
            else:
                ahead, behind = (
                    off_px < since.least_px - slack_px,
                    off_px > since.most_px + slack_px,
                )
            if behind:
                return Told()  # it lies between the zone and the one that left
            del self._left[kept.item.item_id]
            if not ahead:
                return Told(kept, since.unsure_px <= slack_px)
        return Told()

    def gone(self, way: Way, length_px: float) -> tuple[Remembered, ...]:
        """Forgets and returns the items that do not come back, or should have been back by now.

        Args:
            way: How far the belt has come.
            length_px: Length of the zone.
        """
        gone = tuple(
            kept.item
            for kept in self._left.values()
            if _is_gone(kept, way.since(kept.mark), length_px)
        )
        for item in gone:
            del self._left[item.item_id]
        return gone


def _is_gone(kept: Left, since: Way, length_px: float) -> bool:
    farthest_px = 2 * kept.item.size_px + _slack_px(kept.across_px)
    if kept.edge == "entry":
        return kept.end_px + since.least_px > farthest_px
    is_in_view = kept.end_px + since.most_px < length_px - farthest_px
    return is_in_view or since.least_px > length_px


def _is_in_lane(kept: Left, comer: Comer) -> bool:
    (start, end), (other_start, other_end) = kept.across_px, comer.across_px
    shared_px = min(end, other_end) - max(start, other_start)
    return kept.edge == comer.edge and shared_px >= _LANE_SHARE * min(
        end - start, other_end - other_start
    )


def _slack_px(across_px: tuple[float, float]) -> float:
    return max(_SLACK_LEAST_PX, _SLACK_WIDTHS * (across_px[1] - across_px[0]))
