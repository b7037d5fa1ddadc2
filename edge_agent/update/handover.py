"""Hands an accepted release from the updater's thread to the station's, or takes it back."""

import threading

from edge_agent.station_loop_ports import ReadyRelease


class Handover:
    """Holds one release at most. For use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offered: ReadyRelease | None = None
        self._is_taken = False

    def offer(self, ready: ReadyRelease) -> None:
        """Lays a release out to be taken."""
        with self._lock:
            self._offered, self._is_taken = ready, False

    def take(self) -> ReadyRelease | None:
        """Gives what is offered, once. Who takes it makes it run and says so."""
        with self._lock:
            ready, self._offered = self._offered, None
            self._is_taken = self._is_taken or ready is not None
            return ready

    def withdraw(self) -> bool:
        """Takes the offer back; False where it was taken already, and is as good as running."""
        with self._lock:
            self._offered = None
            return not self._is_taken

    def settle(self) -> None:
        """What was taken runs, and that is dealt with."""
        with self._lock:
            self._is_taken = False
