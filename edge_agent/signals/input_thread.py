"""A digital input over any source: gives its changes the name that its listener chose."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.signals.ports import Edge, Listener, SignalHealth
from edge_agent.signals.source_thread import Source, SourceThread

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """An edge before it has a name; see `Edge`."""

    at: float
    is_rising: bool
    lost: int = 0


class InputThread:
    """An `InputPort` over any source.

    Args:
        name: What its edges are called.
        source: Where they come from.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, name: str, source: Source[Change], clock: Callable[[], float] = time.time
    ) -> None:
        self._heard = SourceThread(name, source, clock)
        self._listener: Listener = lambda _: None

    @property
    def name(self) -> str:
        """What its edges are called."""
        return self._heard.name

    @property
    def address(self) -> str:
        """Where it is."""
        return self._heard.address

    @property
    def health(self) -> SignalHealth:
        """Whether it can be heard."""
        return self._heard.health

    def start(self, listener: Listener) -> None:
        """Begins to listen; see `InputPort.start`."""
        self._listener = listener
        self._heard.hear(self._deliver)

    def stop(self, timeout_s: float = 2.0) -> None:
        """Ends it; safe where it was never started."""
        self._heard.stop(timeout_s)

    def _deliver(self, change: Change) -> None:
        if change.lost:
            logger.error("input %s: %d edges were lost", self.name, change.lost)
        self._listener(Edge(self.name, change.at, change.is_rising, change.lost))
