"""What other threads say to the updater. Of each kind the latest counts: nothing piles up."""

import threading

from beltmark.contract.messages import Desired


class Inbox:
    """Holds what was said until it is taken. For use from any thread."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._desired: Desired | None = None
        self._stale: Desired | None = None
        self._adopted: int | None = None
        self._newest = 0
        self._is_closed = False

    @property
    def newest(self) -> int:
        """The newest desired version that was said."""
        return self._newest

    def begin_at(self, version: int) -> None:
        """Says which desired version was dealt with before."""
        with self._news:
            self._newest = max(self._newest, version)

    def desire(self, desired: Desired) -> bool:
        """Takes a desired release; returns whether it is newer than all before."""
        with self._news:
            is_new = desired.desired_version > self._newest
            if desired.desired_version >= self._newest:
                self._desired, self._newest = desired, desired.desired_version
            else:
                self._stale = desired
            self._news.notify_all()
            return is_new

    def adopt(self, version: int) -> None:
        """Takes notice that the release of this desired version runs."""
        with self._news:
            self._adopted = version
            self._news.notify_all()

    def close(self) -> None:
        """Lets nobody wait any more."""
        with self._news:
            self._is_closed = True
            self._news.notify_all()

    def take_adopted(self) -> int | None:
        """Gives the desired version whose release runs, once."""
        with self._news:
            version, self._adopted = self._adopted, None
            return version

    def take_desired(self) -> Desired | None:
        """Gives what is desired, once; what came too late after it."""
        with self._news:
            desired, self._desired = self._desired, None
            if desired is None:
                desired, self._stale = self._stale, None
            return desired

    def wait(self, seconds: float | None) -> None:
        """Waits until something is said, at most so long; None waits for ever."""
        with self._news:
            is_empty = self._desired is None and self._stale is None and self._adopted is None
            if is_empty and not self._is_closed:
                self._news.wait(seconds)
