"""Gathers what a station has to tell into its outbox: nothing is let go before it is kept there."""

import logging
import queue
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast, get_args

from beltmark.contract.errors import InputError
from beltmark.contract.records import ItemStep, PartHealth
from beltmark.contract.terms import PrintState
from edge_agent.uplink.journal_tail import read_steps
from edge_agent.uplink.outbox import NewRecord, Outbox
from edge_agent.uplink.telemetry import HealthWatch, MinuteCounter

logger = logging.getLogger(__name__)

_MAX_PENDING: Final = 1_000
# A step that is read later than this after it was taken belongs to a minute that is over.
_COUNTED_WITHIN_S: Final = 60.0


class Gatherer:
    """What is to be told by one station. `offer` and `counts` are for any thread.

    Args:
        journal_path: The station's journal.
        now: When it begins, in seconds since the epoch.

    Attributes:
        counts: Counts by the minute.
        problem: Why the journal cannot be read; None when it can.
        lost: Records for which there was no room even in memory, while the disk took none.
    """

    def __init__(self, journal_path: Path, now: float) -> None:
        self._journal_path = journal_path
        self.counts = MinuteCounter(now)
        self.problem: str | None = None
        self.lost = 0
        self._health_watch = HealthWatch()
        self._offered: queue.SimpleQueue[NewRecord] = queue.SimpleQueue()
        # What the outbox did not take yet; while its disk is full, the oldest makes room.
        self._pending: deque[NewRecord] = deque()

    def offer(self, record: NewRecord) -> None:
        """Takes a record; returns at once."""
        self._offered.put(record)

    def gather(
        self,
        outbox: Outbox | None,
        parts: Mapping[str, PartHealth],
        now: float,
        *,
        is_last: bool = False,
    ) -> None:
        """Puts all that is new into the outbox.

        Args:
            outbox: Where it goes; None where it cannot be opened: then it waits in memory.
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
        while len(self._pending) > _MAX_PENDING:
            self._pending.popleft()
            self.lost += 1
        if outbox is None:
            return
        if self._pending:
            outbox.append(tuple(self._pending))
            self._pending.clear()
        self._take_journal(outbox, now)

    def _take_journal(self, outbox: Outbox, now: float) -> None:
        """Reads on in the journal while there is room; it keeps what there is no room for."""
        try:
            while True:
                before = outbox.cursor
                found = read_steps(self._journal_path, before)
                if found.cursor != before:
                    outbox.append(found.records, found.cursor)
                    self._count_labels(found.records, now)
                if found.is_all:
                    break
        except InputError as error:
            if self.problem is None:
                logger.warning("uplink: %s", error)
            self.problem = str(error)
        else:
            self.problem = None

    def _count_labels(self, records: Sequence[NewRecord], now: float) -> None:
        """Counts the labels that came to a state just now; what is read late is history."""
        for record in records:
            if not isinstance(record.body, ItemStep) or abs(now - record.at) > _COUNTED_WITHIN_S:
                continue
            what, _, state = record.body.what.partition(" ")
            if what == "label" and state in get_args(PrintState):
                self.counts.count_label(cast(PrintState, state))
