"""The order as the station goes by it: its lines, and how many of each are taken.

Taken is what the journal holds, and what was decided but is not there yet. Fetching orders and
reading the journal is left to `watch`.
"""

import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from edge_agent.station.expected import Expected, OrderLine, by_sku


class OrderBook:
    """The order of one station; see `station.expected.Orders`. For use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: Mapping[str, tuple[OrderLine, ...]] = {}
        self._is_known = False
        self._counts: Mapping[str, int] = {}
        self._pending: dict[str, str] = {}
        self._expected: Expected | None = None

    def expected(self) -> Expected:
        """Returns the order as it stands now."""
        with self._lock:
            if self._expected is None:
                taken = Counter(self._counts)
                taken.update(self._pending.values())
                self._expected = Expected(self._lines, taken, self._is_known)
            return self._expected

    def take(self, item_id: str, line: OrderLine) -> None:
        """Notes that an item takes one of a line, from this moment on."""
        with self._lock:
            self._pending[item_id] = line.key
            self._expected = None

    @property
    def pending(self) -> tuple[str, ...]:
        """Items that took one, of which the journal was not seen to know yet."""
        with self._lock:
            return tuple(self._pending)

    def replace(
        self, lines: Sequence[OrderLine], counts: Mapping[str, int], recorded: Collection[str]
    ) -> None:
        """Another order, with what the journal holds of its lines, at once; see `count`."""
        sorted_lines = by_sku(lines)
        with self._lock:
            self._lines, self._is_known = sorted_lines, True
            self._count(counts, recorded)

    def count(self, counts: Mapping[str, int], recorded: Collection[str]) -> None:
        """Takes over what the journal holds.

        Args:
            counts: Labels by the key of their line; those that failed do not count.
            recorded: Of the pending items, those that the journal knows, counted or not.
        """
        with self._lock:
            self._count(counts, recorded)

    def _count(self, counts: Mapping[str, int], recorded: Collection[str]) -> None:
        for item_id in recorded:
            self._pending.pop(item_id, None)
        self._counts, self._expected = dict(counts), None
