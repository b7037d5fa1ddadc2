"""Commits what the photo-eye told, so that a shift's accounts can be held against it.

What could not be committed waits here, bounded, and is tried again with the next. The items that
only the eye saw are items like others, and their outcomes are the desk's.
"""

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

from edge_agent.station.items import EyePass

_MAX_WAITING = 4_096


class EyeJournal(Protocol):
    """Where it is committed."""

    def note_at_eye(self, passes: Sequence[EyePass]) -> "Future[None]":
        """See `Journal.note_at_eye`."""
        ...


class EyeLog:
    """What the photo-eye told, on its way to the journal. For use from any thread.

    Args:
        journal: Where it is committed.
    """

    def __init__(self, journal: EyeJournal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._waiting: deque[EyePass] = deque(maxlen=_MAX_WAITING)

    def note(self, passes: Sequence[EyePass]) -> None:
        """Has them committed, and those that could not be; returns at once."""
        with self._lock:
            these = (*self._waiting, *passes)
            self._waiting.clear()
        if these:
            future = self._journal.note_at_eye(these)
            future.add_done_callback(lambda done: self._noted(these, done))

    def _noted(self, passes: Sequence[EyePass], done: "Future[None]") -> None:
        if done.exception() is not None:
            with self._lock:
                self._waiting.extendleft(reversed(passes))
