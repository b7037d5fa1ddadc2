"""Whether a signal's other end can be reached: kept, and logged when that changes."""

import logging
from collections.abc import Callable

from edge_agent.signals.ports import SignalHealth

logger = logging.getLogger(__name__)


class Reachability:
    """How one other end is. Written by one thread, read by any.

    Args:
        name: What it is called in the log.
        clock: Seconds since the epoch.
        before: What is told before it was tried.
        well: What is logged when it can be reached.
    """

    def __init__(
        self,
        name: str,
        clock: Callable[[], float],
        *,
        before: str = "not connected yet",
        well: str = "connected",
    ) -> None:
        self._name, self._clock, self._well = name, clock, well
        self._health = SignalHealth(before, clock())

    @property
    def health(self) -> SignalHealth:
        """How it is."""
        return self._health

    def reached(self) -> None:
        """It can be reached."""
        if self._health.problem is not None:
            logger.info("%s: %s", self._name, self._well)
            self._health = SignalHealth(None, self._clock())

    def failed(self, error: OSError) -> None:
        """It cannot."""
        problem = str(error.strerror or error or type(error).__name__).lower()
        if problem != self._health.problem:
            logger.warning("%s: %s", self._name, problem)
            self._health = SignalHealth(problem, self._clock())
