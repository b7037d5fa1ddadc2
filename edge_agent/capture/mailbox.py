"""Hands frames from the thread that captures to the one that looks at them."""

import threading
from collections import deque

from edge_agent.capture.frame import Frame


class Mailbox:
    """A few frames on their way.

    A live camera's mailbox drops its oldest frame for a new one, for the belt does not wait; a
    recording's mailbox makes its reader wait, for none of its frames may be lost.

    Args:
        capacity: Frames that it holds.
        drops_oldest: What `put` does when it is full: drop, or wait.
    """

    def __init__(self, capacity: int, *, drops_oldest: bool) -> None:
        self._capacity = capacity
        self._drops_oldest = drops_oldest
        self._frames: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Frames that were dropped so far."""
        return self._dropped

    @property
    def is_exhausted(self) -> bool:
        """True when it is closed and empty: no frame will ever come."""
        with self._changed:
            return self._closed and not self._frames

    def put(self, frame: Frame) -> None:
        """Hands a frame over; a closed mailbox lets it fall."""
        with self._changed:
            if self._drops_oldest:
                while len(self._frames) >= self._capacity:
                    self._frames.popleft()
                    self._dropped += 1
            else:
                self._changed.wait_for(lambda: self._closed or len(self._frames) < self._capacity)
            if not self._closed:
                self._frames.append(frame)
                self._changed.notify_all()

    def take(self, timeout_s: float) -> Frame | None:
        """Returns the oldest frame, waiting for one; None when none came or none will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._frames), timeout_s)
            if not self._frames:
                return None
            frame = self._frames.popleft()
            self._changed.notify_all()
            return frame

    def close(self) -> None:
        """No frame will follow; those that are in it can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
