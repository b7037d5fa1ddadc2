"""Owns the journal's database: commits writes in batches on one thread, and tells each its end.

What is written, in which words, is left to `journal`; the SQL to `writes` and its neighbours.
"""

import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from edge_agent.printing.reserve import IN_USE, Reserve, is_full
from edge_agent.printing.states import IllegalTransition
from edge_agent.printing.writes import WriteRefused

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


class Committer:
    """The only writer of one database.

    Args:
        connection: The database; from now on its alone.
        reserve: Space that is kept for it; None keeps none.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, connection: sqlite3.Connection, reserve: Reserve | None, clock: Callable[[], float]
    ) -> None:
        self._connection, self._reserve, self._clock = connection, reserve, clock
        has_room = reserve is None or reserve.take()
        self._health = JournalHealth(None if has_room else IN_USE, clock())
        self._queue: queue.Queue[_Write[Any] | None] = queue.Queue(_QUEUE_SIZE)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def health(self) -> JournalHealth:
        """Whether the database takes writes."""
        return self._health

    def put(
        self, apply: Callable[[sqlite3.Connection], Result], *, is_durable: bool = True
    ) -> "Future[Result]":
        """Hands a write over.

        The future is done after the commit; it fails with `JournalUnavailable` (not committed), or
        with what the write raises of `IllegalTransition` and `WriteRefused`.

        Args:
            apply: The write; it runs on the committing thread, inside a transaction.
            is_durable: False for what is soon replaced: it does not wait for the disk.
        """
        write = _Write(apply, is_durable)
        if self._closed.is_set():
            write.future.set_exception(JournalUnavailable("the journal is closed"))
            return write.future
        try:
            self._queue.put_nowait(write)
        except queue.Full:
            write.future.set_exception(JournalUnavailable("the disk does not keep up"))
        return write.future

    def close(self) -> bool:
        """Commits what waits, and lets go of the database; False where that was done before."""
        if self._closed.is_set():
            return False
        self._closed.set()
        self._queue.put(None)
        self._thread.join()
        while not self._queue.empty():
            if (write := self._queue.get_nowait()) is not None:
                write.future.set_exception(JournalUnavailable("the journal is closed"))
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        return True

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
        except (IllegalTransition, WriteRefused) as error:
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
