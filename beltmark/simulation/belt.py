"""The belt: where every item is, what was stuck onto it, and whether it was taken off.

Pure: it moves only by `advance`, and its items come from an iterator. It knows nothing of
pictures; x is 0 in the middle of the camera's view and grows along the travel.
"""

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from beltmark.contract.catalogue import Product
from beltmark.simulation.raymarch import Posed
from beltmark.simulation.supply import Goods
from beltmark.simulation.verdict import PassedItem

REMEMBERED_STEPS = 2000
"""How far back `divert` can tell where an item was: over two minutes at 15 steps a second."""


RECENT_ITEMS = 32
"""How many items back a divert may mean."""


@dataclass(frozen=True)
class BeltLayout:
    """Places along the travel, in mm from the middle of the view.

    Attributes:
        speed_mm_s: Speed while it may run.
        entry_mm: Where the camera begins to see; items start before it.
        exit_mm: Where items have left for good.
        applicator_mm: Where labels are stuck on.
        applicator_reach_mm: A label finds an item whose middle is this near; else it falls.
        divert_reach_mm: A divert finds an item whose middle was this near to the named place.
        clearance_mm: Least free belt between two items.
    """

    speed_mm_s: float = 120.0
    entry_mm: float = -240.0
    exit_mm: float = 300.0
    applicator_mm: float = 120.0
    applicator_reach_mm: float = 100.0
    divert_reach_mm: float = 90.0
    clearance_mm: float = 40.0


@dataclass(eq=False)
class BeltItem:
    """One item and all that happened to it; times are seconds since the epoch.

    Attributes:
        item_id: Its number, from 1.
        class_name: Its shape.
        product: What it is; None for a foreign object.
        half_length_mm: Half its extent along the travel.
        y_mm: Place across the belt.
        start_mm: Travel of the belt at which its middle is at x = 0.
        posed: Its form; None once it is gone, for forms are large and runs may be long.
        entered_at_s: When its front came into view.
        left_at_s: When its back passed the exit.
        diverted_at_s: When it was taken off.
        label_count: Labels on it.
    """

    item_id: int
    class_name: str
    product: Product | None
    half_length_mm: float
    y_mm: float
    start_mm: float
    posed: Posed | None
    entered_at_s: float | None = None
    left_at_s: float | None = None
    diverted_at_s: float | None = None
    label_count: int = 0


class Belt:
    """A belt with its goods.

    Attributes:
        layout: Places and speed.
        travel_mm: How far it has moved.
        items: Every item that came into view or waits before it, in order.
        present: Those of them on the belt now.
    """

    def __init__(self, layout: BeltLayout, goods: Iterator[Goods]) -> None:
        self.layout = layout
        self.travel_mm = 0.0
        self.items: list[BeltItem] = []
        self.present: list[BeltItem] = []
        self._goods = goods
        self._feeding = True
        self._past: deque[tuple[float, float]] = deque(maxlen=REMEMBERED_STEPS)

    def x_mm(self, item: BeltItem) -> float:
        """Where the middle of an item is now."""
        return self.travel_mm - item.start_mm

    def stop_feeding(self) -> None:
        """Let the belt run empty: nothing further comes into view."""
        self._feeding = False
        self.items = [item for item in self.items if item.entered_at_s is not None]
        self.present = [item for item in self.present if item.entered_at_s is not None]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is on the belt and nothing will come."""
        return not self._feeding and not self.present

    def advance(self, at_s: float, running_s: float) -> None:
        """Move on to the time `at_s`, during the last part of which it ran for `running_s`.

        Less than 0 runs it back: what has left for good, or was taken off, does not come again.
        """
        self.travel_mm += running_s * self.layout.speed_mm_s
        self._past.append((at_s, self.travel_mm))
        if self._feeding:
            self._feed()
        for item in tuple(self.present):
            x, half = self.x_mm(item), item.half_length_mm
            if item.entered_at_s is None and x + half > self.layout.entry_mm:
                item.entered_at_s = at_s
            if x - half > self.layout.exit_mm:
                item.left_at_s = at_s
                self._remove(item)

    def _feed(self) -> None:
        """Keep one item waiting before the view, so that the next is always known."""
        while not self.items or self._front_mm(self.items[-1]) > self.layout.entry_mm:
            goods = next(self._goods)
            if self.items:
                before = self.items[-1]
                touching_mm = before.half_length_mm + goods.half_length_mm
                pitch_mm = goods.pitch_s * self.layout.speed_mm_s
                start = before.start_mm + max(pitch_mm, touching_mm + self.layout.clearance_mm)
            else:
                start = self.travel_mm - self.layout.entry_mm + goods.half_length_mm + 1.0
            item = BeltItem(
                item_id=len(self.items) + 1,
                class_name=goods.class_name,
                product=goods.product,
                half_length_mm=goods.half_length_mm,
                y_mm=goods.y_mm,
                start_mm=start,
                posed=goods.posed,
            )
            self.items.append(item)
            self.present.append(item)

    def _front_mm(self, item: BeltItem) -> float:
        return self.x_mm(item) + item.half_length_mm

    def _remove(self, item: BeltItem) -> None:
        self.present.remove(item)
        item.posed = None

    def passed_items(self) -> list[PassedItem]:
        """All items so far, as they are to be judged."""
        return [
            PassedItem(
                item.item_id,
                item.product.gtin if item.product else None,
                went_through=item.left_at_s is not None or item.diverted_at_s is not None,
                diverted=item.diverted_at_s is not None,
            )
            for item in self.items
        ]

    def apply_label(self) -> BeltItem | None:
        """A label comes out now: stick it to the item nearest to the applicator, if one is near."""
        place = self.layout.applicator_mm
        near = min(self.present, key=lambda item: abs(self.x_mm(item) - place), default=None)
        if near is None or abs(self.x_mm(near) - place) > self.layout.applicator_reach_mm:
            return None
        near.label_count += 1
        return near

    def divert(self, x_mm: float, y_mm: float, seen_at_s: float, at_s: float) -> BeltItem | None:
        """Take the item off that was nearest to a place at an earlier time, if it is still here."""
        travel = self._travel_at(seen_at_s)

        def distance(item: BeltItem) -> float:
            return math.hypot(travel - item.start_mm - x_mm, item.y_mm - y_mm)

        # Those that have gone count too: to name one twice must not take its neighbour off. So does
        # the one about to enter: the camera sees a tall item before its foot is in view.
        near = min(self.items[-RECENT_ITEMS:], key=distance, default=None)
        if near is None or near not in self.present:
            return None
        if distance(near) > self.layout.divert_reach_mm:
            return None
        near.diverted_at_s = at_s
        self._remove(near)
        return near

    def _travel_at(self, at_s: float) -> float:
        """How far the belt had moved at an earlier time."""
        times = [time for time, _ in self._past]
        after = bisect_right(times, at_s)
        if after in (0, len(times)):
            return self._past[0][1] if times and after == 0 else self.travel_mm
        (t0, travel0), (t1, travel1) = self._past[after - 1], self._past[after]
        return travel0 + (at_s - t0) / (t1 - t0) * (travel1 - travel0)
