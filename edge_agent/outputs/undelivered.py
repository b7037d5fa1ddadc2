"""Words that the other end may not have yet, bounded. Delivering them is left to the lines."""

import logging
import re
import threading
from collections import deque
from dataclasses import dataclass

logger = logging.getLogger(__name__)

PATIENCE_S = 1.0
"""Words that wait for longer hold the belt."""

_MAX_WAITING = 256
_WORDS = re.compile(r"[!-~]{1,64}( [!-~]{1,64}){0,5}")


@dataclass(eq=False)
class Waiting:
    """Words on their way; `is_written` once they have left, while that connection lives."""

    words: str
    since: float
    is_written: bool = False


class Undelivered:
    """What waits, in order. For use from any thread. Times are on the steady clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Waiting] = deque()
        self._lost = 0

    def add(self, words: str, now: float) -> None:
        """Takes words to be delivered; those that are too many are lost, and hold the belt.

        Raises:
            ValueError: They are no plain words.
        """
        if not _WORDS.fullmatch(words):
            raise ValueError(f"{words!r} cannot be sent")
        with self._lock:
            if len(self._waiting) < _MAX_WAITING:
                self._waiting.append(Waiting(words, now))
                return
            self._lost += 1
        logger.error("lost, for the line does not take it: %s", words)

    def __len__(self) -> int:
        with self._lock:
            return len(self._waiting)

    def unwritten(self) -> list[Waiting]:
        """Returns what has not left yet, in order."""
        with self._lock:
            return [waiting for waiting in self._waiting if not waiting.is_written]

    def delivered(self, done: Waiting) -> None:
        """Forgets what the other end has."""
        with self._lock:
            self._waiting.remove(done)

    def all_written_delivered(self) -> None:
        """Forgets all that has left."""
        with self._lock:
            while self._waiting and self._waiting[0].is_written:
                self._waiting.popleft()

    def disconnected(self) -> None:
        """What has left may not have arrived: all of it is to be said again."""
        with self._lock:
            for waiting in self._waiting:
                waiting.is_written = False

    def hold_reason(self, problem: str | None, now: float) -> str | None:
        """Why the belt must stand still; None where everything gets through in time.

        Args:
            problem: Why the other end cannot be reached, if it cannot. Lost words weigh more: they
                hold the belt for good; late ones less: the problem says why they are.
            now: On the steady clock.
        """
        with self._lock:
            lost = self._lost
            late = sum(now - waiting.since > PATIENCE_S for waiting in self._waiting)
        if lost:
            return f"{lost} diverts were lost: take the items off and restart"
        return problem or (f"{late} diverts cannot be delivered" if late else None)
