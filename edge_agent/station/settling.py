"""When it is clear what was in the zone at the start, and what became of an earlier run's items.

Pure. What an item is that did not come in by the entry edge is `explaining`'s to say.
"""

from collections.abc import Iterable, Sequence

from edge_agent.station.explaining import Explaining
from edge_agent.station.items import Item
from edge_agent.station.recovery import Remembered


class Settling:
    """The start of one station, and its items that did not come in by the entry edge.

    Args:
        explaining: Finds out what an item is.
        before_start: The items that an earlier run saw last.
        startup_s: What is seen in this time after the first frame was there before.
        birth_hits: Detections after which a track counts as an item.

    Attributes:
        is_over: True once it is clear what was in the zone at the start.
    """

    def __init__(
        self,
        explaining: Explaining,
        before_start: Sequence[Remembered],
        startup_s: float,
        birth_hits: int,
    ) -> None:
        self._explaining, self._before_start = explaining, before_start
        self._startup_s, self._birth_hits = startup_s, birth_hits
        self._first_at: float | None = None
        self._frames = 0
        self.is_over = False

    def begin_frame(self, at: float) -> None:
        """Counts a frame that was captured then, before its items are looked at."""
        self._first_at = at if self._first_at is None else self._first_at
        self._frames += 1

    def explain(self, items: Iterable[Item], at: float) -> None:
        """Explains the frame's items that did not come in by the entry edge, once it may."""
        assert self._first_at is not None
        if self.is_over:
            self._recognise(items, at, 2 * self._birth_hits)
            return
        # The clock may be set back just now: what counts is that time has passed.
        is_long_enough = abs(at - self._first_at) > self._startup_s
        if is_long_enough and self._frames > 2 * self._birth_hits:
            self._settle(items, at)

    def finish(self, items: Iterable[Item], at: float) -> None:
        """The station ends: what can be said is said now."""
        if self._first_at is not None and not self.is_over:
            self._settle(items, at)

    def _settle(self, items: Iterable[Item], at: float) -> None:
        self.is_over = True
        self._explaining.remember(self._before_start, at)
        self._recognise(items, at, self._birth_hits)
        self._explaining.close_undecided()

    def _recognise(self, items: Iterable[Item], at: float, least_hits: int) -> None:
        """Explains those that are seen well enough."""
        due = [
            item
            for item in items
            if item.came != "entry" and item.outcome is None and item.track.hits >= least_hits
        ]
        self._explaining.explain(due, at)
