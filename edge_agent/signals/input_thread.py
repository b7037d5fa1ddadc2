"""Listens to one source of edges on a thread of its own, and opens it again when it breaks.

What the source is made of (GPIO, MQTT, TCP) is left to the source.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_agent.signals.ports import Edge, Listener, SignalHealth

logger = logging.getLogger(__name__)

_RETRY_AFTER_S = 0.5
_LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Change:
    """An edge before it has a name; see `Edge`."""

    at: float
    is_rising: bool
    lost: int = 0


class Heard(Protocol):
    """A source that is open. For use from one thread."""

    def read(self, timeout_s: float) -> Sequence[Change]:
        """Waits for changes; returns none after the timeout.

        Raises:
            OSError: It broke.
        """
        ...

    def close(self) -> None:
        """Lets go of it."""
        ...


class Source(Protocol):
    """Where changes come from."""

    @property
    def address(self) -> str:
        """Where that is."""
        ...

    def open(self) -> Heard:
        """Opens it.

        Raises:
            OSError: It cannot be opened now.
        """
        ...


class InputThread:
    """An `InputPort` over any source.

    Args:
        name: What its edges are called.
        source: Where they come from.
        clock: Seconds since the epoch.
    """

    def __init__(self, name: str, source: Source, clock: Callable[[], float] = time.time) -> None:
        self._name, self._source, self._clock = name, source, clock
        self._health = SignalHealth("not connected yet", clock())
        self._listener: Listener = lambda _: None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"input-{name}", daemon=True)

    @property
    def name(self) -> str:
        """What its edges are called."""
        return self._name

    @property
    def address(self) -> str:
        """Where it is."""
        return self._source.address

    @property
    def health(self) -> SignalHealth:
        """Whether it can be heard."""
        return self._health

    def start(self, listener: Listener) -> None:
        """Begins to listen; see `InputPort.start`."""
        self._listener = listener
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Ends it; safe where it was never started."""
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                heard = self._source.open()
            except OSError as error:
                self._report(_told(error))
            else:
                self._listen(heard)
            self._stopping.wait(_RETRY_AFTER_S)

    def _listen(self, heard: Heard) -> None:
        self._report(None)
        try:
            while not self._stopping.is_set():
                for change in heard.read(_LOOK_EVERY_S):
                    self._deliver(change)
        except OSError as error:
            self._report(_told(error))
        finally:
            heard.close()

    def _deliver(self, change: Change) -> None:
        if change.lost:
            logger.error("input %s: %d edges were lost", self._name, change.lost)
        if not self._stopping.is_set():
            self._listener(Edge(self._name, change.at, change.is_rising, change.lost))

    def _report(self, problem: str | None) -> None:
        if problem == self._health.problem:
            return
        if problem is None:
            logger.info("input %s, %s: connected", self._name, self.address)
        else:
            logger.warning("input %s, %s: %s", self._name, self.address, problem)
        self._health = SignalHealth(problem, self._clock())


def _told(error: OSError) -> str:
    return str(error.strerror or error or type(error).__name__).lower()
