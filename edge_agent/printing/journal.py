"""The station's memory: every decision and label step, committed before anything acts on it.

One thread owns the database; others hand it writes and get futures that are done after the commit.
The SQL is in `writes.py` and `schema.py`; reading in `reading.py`; acting is left to others.
"""

import contextlib
import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from beltmark.contract.messages import LabelState, PrintState
from beltmark.contract.serials import NumberKind, NumberRange
from edge_agent.printing import label_writes, numbers, writes
from edge_agent.printing.hand_writes import HandOrder, write_hand_order
from edge_agent.printing.journal_lock import take
from edge_agent.printing.reading import Recollection, recollect, this_boot
from edge_agent.printing.records import ItemDecision, LabelItem, LastSeen
from edge_agent.printing.reserve import IN_USE, Reserve, is_full
from edge_agent.printing.schema import open_for_writing, unusable
from edge_agent.printing.states import Confirmed, IllegalTransition
from edge_agent.station.items import EyePass

logger = logging.getLogger(__name__)

_QUEUE_SIZE = 1_024
_BATCH_SIZE = 64

Result = TypeVar("Result")


class JournalUnavailable(Exception):  # noqa: N818 - the state's own name
    """Nothing can be written at the moment; what was to be written is not committed."""


@dataclass(frozen=True)
class JournalHealth:
    """Whether the journal takes writes.

    Attributes:
        problem: Why not; None when it does.
        since: When that began, in seconds since the epoch.
    """

    problem: str | None
    since: float


@dataclass
class _Write(Generic[Result]):
    """One write that waits for its commit."""

    apply: Callable[[sqlite3.Connection], Result]
    is_durable: bool
    future: Future[Result] = field(default_factory=Future)


class Journal:
    """The journal of one station; one agent at a time has it.

    Args:
        path: The database file; beside it lie its lock and SQLite's own files.
        station: Name of the station, noted with each item.
        clock: Seconds since the epoch.
        boot: Which start of the computer this is; None asks the system.
        is_leased: Whether labels are numbered in ranges that were given to it, see `add_range`.
        reserve: Space that is kept for it; None keeps none.

    Attributes:
        recollection: What an earlier run left.

    Raises:
        InputError: Another agent has it, or the file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        station: str,
        clock: Callable[[], float] = time.time,
        boot: str | None = None,
        *,
        is_leased: bool = False,
        reserve: Reserve | None = None,
    ) -> None:
        self._station, self._clock, self._is_leased = station, clock, is_leased
        self._boot = this_boot() if boot is None else boot
        self._lock_handle = take(path)
        try:
            self._connection, self.recollection = _open(path, self._boot)
        except BaseException:
            os.close(self._lock_handle)
            raise
        has_room = reserve is None or reserve.take()
        self._reserve = reserve
        self._health = JournalHealth(None if has_room else IN_USE, clock())
        self._queue: queue.Queue[_Write[Any] | None] = queue.Queue(_QUEUE_SIZE)
        self._closed = threading.Event()
        self._positions_waiting = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def health(self) -> JournalHealth:
        """Whether it takes writes."""
        return self._health

    def record(self, decision: ItemDecision) -> "Future[LabelItem | None]":
        """Commits an item's decision; with PRINT the future gives its label with a new serial.

        The future fails with `JournalUnavailable` (not committed) or `AlreadyDecided`.
        """
        return self._put(
            lambda connection: writes.write_decision(
                connection, self._station, decision, is_leased=self._is_leased
            )
        )

    def step_label(
        self,
        item_id: str,
        after: PrintState,
        at: float,
        *,
        baseline: int | None = None,
        printer: str = "",
        detail: str = "",
    ) -> "Future[None]":
        """Commits a label's step along the table of states; with the printer that gets it and that
        printer's counter, where it is about to be sent.

        The future fails with `JournalUnavailable` (not committed) or `IllegalTransition`.
        """
        return self._put(
            lambda connection: label_writes.write_label_step(
                connection, item_id, after, at, baseline=baseline, printer=printer, detail=detail
            )
        )

    def review(
        self,
        item_id: str,
        at: float,
        rule: str,
        reason: str,
        label_state: PrintState | None = None,
    ) -> "Future[None]":
        """Commits that a decided item goes to a person, in one with its label's step, if any."""

        def apply(connection: sqlite3.Connection) -> None:
            if label_state is not None:
                label_writes.write_label_step(connection, item_id, label_state, at, detail=reason)
            writes.write_review(connection, item_id, at, rule, reason)

        return self._put(apply)

    def close_label(self, item_id: str, at: float, detail: str) -> "Future[None]":
        """Commits that a label stays unknown for ever."""
        return self._put(
            lambda connection: label_writes.write_closed(connection, item_id, at, detail)
        )

    def confirm(
        self, item_id: str, after: Confirmed, at: float, detail: str = ""
    ) -> "Future[LabelState | None]":
        """Commits what came after printing: applied, verified or diverted. May be told twice.

        The future gives the label's state from then on: what the table does not allow changes
        nothing, so `sent` for an `applied` means that the counter has still to confirm it. For an
        item without a label it gives None, and a divert is kept all the same. Fails with
        `JournalUnavailable` (not committed).
        """
        return self._put(
            lambda connection: label_writes.write_confirmed(connection, item_id, after, at, detail)
        )

    def void(self, item_id: str, at: float, reason: str, who: str) -> "Future[LabelState | None]":
        """Commits that an item's label is void, by whose word and why. May be told twice.

        The future gives the label's state from then on; it is not `voided` while the printer has
        still to do with the label. None for an item without one. Fails with `JournalUnavailable`.
        """
        return self._put(
            lambda connection: label_writes.write_void(connection, item_id, at, reason, who)
        )

    def note(self, item_id: str, at: float, what: str, detail: str = "") -> "Future[None]":
        """Commits a line of an item's history that changes no state."""
        return self._put(
            lambda connection: writes.write_note(connection, item_id, at, what, detail)
        )

    def begin_request(self, kind: NumberKind, new: str) -> "Future[str]":
        """Commits under which identity a range is asked for; the future gives it, see `numbers`."""
        return self._put(lambda connection: numbers.begin_request(connection, kind, new))

    def add_range(self, given: NumberRange, request: str) -> "Future[bool]":
        """Commits a range of numbers; the future gives False for one that may have been used."""
        return self._put(
            lambda connection: numbers.write_range(connection, given, request, self._clock())
        )

    def note_at_eye(self, passes: Sequence[EyePass]) -> "Future[None]":
        """Commits what the photo-eye told of items, decided already or not."""
        return self._put(lambda connection: writes.write_at_eye(connection, passes))

    def write(self, apply: Callable[[sqlite3.Connection], Result]) -> "Future[Result]":
        """Commits a write of somebody else's: see `hand_writes`.

        The future fails with `JournalUnavailable` (not committed) or what the write raises of
        `IllegalTransition` and `WriteRefused`.
        """
        return self._put(apply)

    def order_by_hand(self, order: HandOrder) -> "Future[LabelItem]":
        """Commits that a person labels an item; the future fails as `write`'s does."""
        return self._put(
            lambda connection: write_hand_order(connection, order, is_leased=self._is_leased)
        )

    def note_positions(self, items: Sequence[LastSeen], speed_px_s: float | None) -> None:
        """Notes where the items in the zone are, without waiting for the disk.

        One note at a time waits to be written; further ones are passed over until it is.
        """
        if self._positions_waiting.is_set():
            return
        self._positions_waiting.set()

        def apply(connection: sqlite3.Connection) -> None:
            self._positions_waiting.clear()
            writes.write_positions(connection, items, speed_px_s, self._boot)

        future = self._put(apply, is_durable=False)
        future.add_done_callback(lambda _: self._positions_waiting.clear())

    def flush(self, timeout_s: float = 5.0) -> None:
        """Waits until what was put in so far is committed and all who wait for it are told."""
        with contextlib.suppress(JournalUnavailable, TimeoutError):
            self._put(lambda _: None).result(timeout_s)

    def close(self) -> None:
        """Commits what waits, and lets go of the file."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._queue.put(None)
        self._thread.join()
        while not self._queue.empty():
            if (write := self._queue.get_nowait()) is not None:
                write.future.set_exception(JournalUnavailable("the journal is closed"))
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        os.close(self._lock_handle)

    def _put(
        self, apply: Callable[[sqlite3.Connection], Result], *, is_durable: bool = True
    ) -> "Future[Result]":
        write = _Write(apply, is_durable)
        if self._closed.is_set():
            write.future.set_exception(JournalUnavailable("the journal is closed"))
            return write.future
        try:
            self._queue.put_nowait(write)
        except queue.Full:
            write.future.set_exception(JournalUnavailable("the disk does not keep up"))
        return write.future

    def _run(self) -> None:
        ends = False
        while not ends:
            batch = [self._queue.get()]
            while len(batch) < _BATCH_SIZE:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            ends = None in batch
            self._commit([write for write in batch if write is not None])

    def _commit(self, batch: Sequence[_Write[Any]]) -> None:
        """Writes a batch in one transaction, then tells each of its outcome."""
        if not batch:
            return
        try:
            told = self._write_all(batch)
        except sqlite3.Error as error:
            self._report(str(error))
            for write in batch:
                write.future.set_exception(JournalUnavailable(str(error)))
            return
        has_room = self._reserve is None or self._reserve.take()
        self._report(None if has_room else IN_USE)
        for tell in told:
            tell()

    def _write_all(self, batch: Sequence[_Write[Any]]) -> list[Callable[[], None]]:
        """Writes a batch; once more, with the reserve, where the disk is full."""
        try:
            return self._transact(batch)
        except sqlite3.Error as error:
            if self._reserve is None or not (is_full(error) and self._reserve.give_up()):
                raise
            return self._transact(batch)

    def _transact(self, batch: Sequence[_Write[Any]]) -> list[Callable[[], None]]:
        # What only replaces itself four times a second need not wait for the disk.
        durability = "FULL" if any(write.is_durable for write in batch) else "NORMAL"
        try:
            self._connection.execute(f"PRAGMA synchronous={durability}")
            self._connection.execute("BEGIN IMMEDIATE")
            told = [self._apply(write) for write in batch]
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            raise
        return told

    def _apply(self, write: _Write[Any]) -> Callable[[], None]:
        """Applies one write; one that breaks the rules leaves no trace and spares the others."""
        self._connection.execute("SAVEPOINT one")
        try:
            result = write.apply(self._connection)
        except (IllegalTransition, writes.WriteRefused) as error:
            refusal = error
            self._connection.execute("ROLLBACK TO one")
            return lambda: write.future.set_exception(refusal)
        finally:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("RELEASE one")
        return lambda: write.future.set_result(result)

    def _report(self, problem: str | None) -> None:
        if problem == self._health.problem:
            return
        if problem is None:
            logger.warning("journal: writes again")
        else:
            logger.error("journal: cannot write: %s", problem)
        self._health = JournalHealth(problem, self._clock())


def _open(path: Path, boot: str) -> tuple[sqlite3.Connection, Recollection]:
    connection = open_for_writing(path)
    try:
        return connection, recollect(connection, boot)
    except sqlite3.Error as error:
        connection.close()
        raise unusable(path, error) from None
