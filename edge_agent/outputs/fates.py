"""Has it committed what became of labels and items after printing, however often that takes."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Literal, Protocol

from edge_agent.printing.committing import JournalUnavailable

logger = logging.getLogger(__name__)

STATION = "station"
"""Who voids a label that the station itself declares void."""

_MAX_WAITING = 1_024


class FateJournal(Protocol):
    """Where it is committed."""

    def confirm(
        self, item_id: str, after: Literal["applied", "diverted"], at: float, detail: str = ""
    ) -> "Future[Any]":
        """See `Journal.confirm`."""
        ...

    def void(self, item_id: str, at: float, reason: str, who: str) -> "Future[Any]":
        """See `Journal.void`."""
        ...

    def note(self, item_id: str, at: float, what: str, detail: str) -> "Future[None]":
        """See `Journal.note`."""
        ...


class Fates:
    """What waits to be committed, in order. For use from any thread.

    Args:
        journal: Where it is committed.
        clock: Seconds since the epoch.
    """

    def __init__(self, journal: FateJournal, clock: Callable[[], float]) -> None:
        self._journal, self._clock = journal, clock
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], Future[Any]]] = deque(maxlen=_MAX_WAITING)

    def diverted(self, item_id: str, detail: str) -> None:
        """An item is off the belt."""
        at = self._clock()
        self._commit(lambda: self._journal.confirm(item_id, "diverted", at, detail))

    def applied(self, item_id: str, detail: str) -> None:
        """A label is on its item."""
        at = self._clock()
        self._commit(lambda: self._journal.confirm(item_id, "applied", at, detail))

    def void(self, item_id: str, reason: str) -> None:
        """A label must not count, wherever it is."""
        at = self._clock()
        self._commit(lambda: self._journal.void(item_id, at, reason, STATION))

    def note(self, item_id: str, what: str, detail: str) -> None:
        """Something happened that changes no state."""
        at = self._clock()
        self._commit(lambda: self._journal.note(item_id, at, what, detail))

    def retry(self) -> None:
        """Tries again what could not be committed; when there is time for it."""
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        for write in waiting:
            self._commit(write)

    def _commit(self, write: Callable[[], "Future[Any]"]) -> None:
        write().add_done_callback(lambda done: self._done(write, done))

    def _done(self, write: Callable[[], "Future[Any]"], done: "Future[Any]") -> None:
        error = done.exception()
        if isinstance(error, JournalUnavailable):
            with self._lock:
                self._waiting.append(write)
        elif error is not None:
            logger.error("not committed: %s", error)
