"""Whether the belt may run: every part is asked, and one that objects holds it."""

import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

Objection = Callable[[], str | None]
"""Asked of a part: why the belt must stand still, or None."""


_TOLD_AFTER_S = 0.5
"""Objections that pass sooner are not worth a word."""


class Fitness:
    """All that can hold the belt.

    Args:
        steady: Seconds on a clock that is never set.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._objections: dict[str, Objection] = {}
        self._steady = steady
        self._lock = threading.Lock()
        self._held_since: float | None = None
        self._was_told: bool | None = None

    def ask(self, name: str, objection: Objection) -> None:
        """Adds a part; before the first question."""
        self._objections[name] = objection

    def problems(self) -> dict[str, str]:
        """Asks every part; returns the reasons by name."""
        asked = {name: objection() for name, objection in self._objections.items()}
        return {name: reason for name, reason in asked.items() if reason is not None}

    def may_run(self) -> bool:
        """Asks every part; logs when the answer has changed."""
        problems = self.problems()
        with self._lock:
            self._tell(problems)
        return not problems

    def _tell(self, problems: dict[str, str]) -> None:
        now = self._steady()
        if not problems:
            self._held_since = None
            if self._was_told is not False:
                logger.info("run permit given")
            self._was_told = False
            return
        if self._held_since is None:
            self._held_since = now
        if self._was_told is not True and now - self._held_since >= _TOLD_AFTER_S:
            told = "; ".join(f"{name}: {reason}" for name, reason in problems.items())
            logger.warning("run permit withheld: %s", told)
            self._was_told = True
