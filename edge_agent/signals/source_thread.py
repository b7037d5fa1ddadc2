"""Listens to one source on a thread of its own, and opens it again when it breaks.

What the source is made of (GPIO, MQTT, TCP), and what it tells, is left to the source.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from edge_agent.signals.ports import SignalHealth
from edge_agent.signals.reachability import Reachability

_RETRY_AFTER_S = 0.5
_LOOK_EVERY_S = 0.2

Told = TypeVar("Told")
Said_co = TypeVar("Said_co", covariant=True)


class Heard(Protocol[Said_co]):
    """A source that is open. For use from one thread."""

    def read(self, timeout_s: float) -> Sequence[Said_co]:
        """Waits for what is told; returns nothing after the timeout.

        Raises:
            OSError: It broke.
        """
        ...

    def close(self) -> None:
        """Lets go of it."""
        ...


class Source(Protocol[Said_co]):
    """Where something is told."""

    @property
    def address(self) -> str:
        """Where that is."""
        ...

    def open(self) -> Heard[Said_co]:
        """Opens it.

        Raises:
            OSError: It cannot be opened now.
        """
        ...


class SourceThread(Generic[Told]):
    """Hears one source, whatever it tells.

    Args:
        name: What it is called in the log.
        source: What is heard.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, name: str, source: Source[Told], clock: Callable[[], float] = time.time
    ) -> None:
        self.name, self._source = name, source
        self._reach = Reachability(f"input {name}, {self.address}", clock)
        self._deliver: Callable[[Told], None] = lambda _: None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"input-{name}", daemon=True)

    @property
    def address(self) -> str:
        """Where it is."""
        return self._source.address

    @property
    def health(self) -> SignalHealth:
        """Whether it can be heard."""
        return self._reach.health

    def hear(self, deliver: Callable[[Told], None]) -> None:
        """Begins to listen; `deliver` is called on this thread, in order, and must return soon."""
        self._deliver = deliver
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
                self._reach.failed(error)
            else:
                self._listen(heard)
            self._stopping.wait(_RETRY_AFTER_S)

    def _listen(self, heard: Heard[Told]) -> None:
        self._reach.reached()
        try:
            while not self._stopping.is_set():
                for told in heard.read(_LOOK_EVERY_S):
                    if not self._stopping.is_set():
                        self._deliver(told)
        except OSError as error:
            self._reach.failed(error)
        finally:
            heard.close()
