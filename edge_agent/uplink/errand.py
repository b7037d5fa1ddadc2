"""Runs an errand to a server again and again, on a thread for which the station never waits.

What is fetched or posted, and how that is told, is left to who runs it.
"""

import logging
import threading
from collections.abc import Callable
from typing import Final

from edge_agent.uplink.backoff import Backoff

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S: Final = 1.0
_MAX_PAUSE_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 2.0


class Errand:
    """One errand.

    Args:
        name: What it is called in the log.
        turn: Does the next of it; returns whether to go on at once.
        report: Takes what is wrong with it; None where nothing is.
        has_problem: Whether something was reported that is still so.
        period_s: How long to wait where there is nothing to do.
        backoff: How long to wait after a failure; None: from one second to a minute.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], bool],
        *,
        report: Callable[[str | None], None],
        has_problem: Callable[[], bool],
        period_s: float,
        backoff: Backoff | None,
    ) -> None:
        self._name, self._turn, self._report = name, turn, report
        self._has_problem, self._period_s = has_problem, period_s
        self._backoff = backoff or Backoff(_FIRST_PAUSE_S, _MAX_PAUSE_S)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begins; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ends soon, in the midst of a turn if that takes long; safe where it was never started."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_TIMEOUT_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                goes_on = self._turn()
            except Exception:
                # The last resort: a station does not end because of what runs beside it.
                logger.exception("%s: unexpected problem", self._name)
                self._report("unexpected problem, see the log")
                goes_on = False
            if goes_on or not self._has_problem():
                self._backoff.reset()
            if not goes_on:
                self._stopping.wait(
                    self._backoff.next_s() if self._has_problem() else self._period_s
                )
