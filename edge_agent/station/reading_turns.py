"""Which item's barcodes are looked for in a frame: one a frame, in turns. Pure.

A look costs milliseconds, and the belt doesn't wait. Reading is left to `capture.barcode`.
"""

from collections.abc import Callable, Sequence

from edge_agent.station.codes import ItemCode
from edge_agent.station.geometry import BoxXyxyPx
from edge_agent.station.items import Item

CodeReader = Callable[[BoxXyxyPx], Sequence[ItemCode]]
"""Reads the barcodes in a box of the frame."""

# After so many looks without a code, an item shows none to this camera.
_MOST_READS = 30


def whose_turn(items: Sequence[tuple[Item, BoxXyxyPx]]) -> tuple[Item, BoxXyxyPx] | None:
    """Returns the item to look at, of those that are seen whole; None if none needs it.

    Those of which no code is known go first, and of these the one looked at least.
    """
    waiting = [
        (item, box_px)
        for item, box_px in items
        if item.outcome is None
        and item.came == "entry"
        and not item.sighting.codes.is_enough
        and item.sighting.codes.reads < _MOST_READS
    ]
    if not waiting:
        return None
    return min(waiting, key=lambda each: _urgency(each[0]))


def is_apart(boxes_px: Sequence[BoxXyxyPx], index: int) -> bool:
    """Whether a box overlaps no other: a code in it can be of no other item."""
    left, top, right, bottom = boxes_px[index]
    return not any(
        left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
        for i, other in enumerate(boxes_px)
        if i != index
    )


def _urgency(item: Item) -> tuple[bool, int]:
    codes = item.sighting.codes
    return bool(codes.agreed), codes.reads
