"""Gathers what a station has to tell into its outbox: nothing is let go before it is kept there."""

import logging
import queue
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast, get_args

from beltmark.contract.errors import InputError
from beltmark.contract.messages import ItemStep, PartHealth, PrintState
from edge_agent.uplink.journal_tail import MAX_STEPS, read_steps
from edge_agent.uplink.outbox import NewRecord, Outbox
from edge_agent.uplink.telemetry import HealthWatch, MinuteCounter

logger = logging.getLogger(__name__)

_MAX_PENDING: Final = 1_000
_COUNTED_S: Final = 60.0
_LABEL_STATES: Final = frozenset(get_args(PrintState))


class Gatherer:
    """What is to be told by one station. `offer` and `counts` are for any thread.

    Args:
        journal_path: The station's journal.
        now: When it begins, in seconds since the epoch.

    Attributes:
        counts: Counts by the minute.
        problem: Why the journal cannot be read; None when it can.
    """

    def __init__(self, journal_path: Path, now: float) -> None:
        self._journal_path = journal_path
        self.counts = MinuteCounter(now)
        self.problem: str | None = None
        self._health_watch = HealthWatch()
        self._offered: queue.SimpleQueue[NewRecord] = queue.SimpleQueue()
        # What the outbox did not take yet; while its disk is full, the oldest makes room.
        self._pending: deque[NewRecord] = deque(maxlen=_MAX_PENDING)

    def offer(self, record: NewRecord) -> None:
        """Takes a record; returns at once."""
        self._offered.put(record)

    def gather(
        self, outbox: Outbox, parts: Mapping[str, PartHealth], now: float, *, is_last: bool = False
    ) -> None:
        """Puts all that is new into the outbox.

        Args:
            outbox: Where it goes.
            parts: How the station's parts are.
            now: Seconds since the epoch.
            is_last: Whether the minute that has begun is told as well.

        Raises:
            OutboxUnavailable: It takes nothing; what it did not take is offered again.
        """
        minute = self.counts.finish(now) if is_last else self.counts.roll(now)
        if minute is not None:
            self._pending.append(NewRecord("counters", now, minute))
        for change in self._health_watch.changes(parts):
            self._pending.append(NewRecord("health", now, change))
        while not self._offered.empty():
            self._pending.append(self._offered.get_nowait())
        if self._pending:
            outbox.append(tuple(self._pending))
            self._pending.clear()
        self._take_journal(outbox, now)

    def _take_journal(self, outbox: Outbox, now: float) -> None:
        """Reads on in the journal while there is room; it keeps what there is no room for."""
        try:
            while True:
                found = read_steps(self._journal_path, outbox.cursor)
                if found.records:
                    outbox.append(found.records, found.cursor)
                    self._count(found.records, now)
                if len(found.records) < MAX_STEPS:
                    break
        except InputError as error:
            if self.problem is None:
                logger.warning("uplink: %s", error)
            self.problem = str(error)
        else:
            self.problem = None

    def _count(self, steps: Sequence[NewRecord], now: float) -> None:
        """Counts the steps of labels; old ones belong to minutes that are over."""
        for record in steps:
            if not isinstance(record.body, ItemStep) or abs(now - record.at) > _COUNTED_S:
                continue
            kind, _, state = record.body.what.partition(" ")
            if kind == "label" and state in _LABEL_STATES:
                self.counts.count_label(cast(PrintState, state))
