"""Looks at the rollouts that go on, again and again, as long as the server runs."""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from fleet_server.rollouts.plan import Plan
from fleet_server.rounds import Rounds

logger = logging.getLogger(__name__)

LOOK_PERIOD_S: Final = 5.0
JUMP_S: Final = 60.0
"""A clock that moves so far from one that nobody sets was set."""
STEADY_AFTER_S: Final = 600.0
"""So long after that it decides about no window: it may be set again, as at a start."""


class Store(Protocol):
    """Where rollouts are; see `RolloutStore`."""

    def going_on(self) -> list[int]:
        """Numbers of the rollouts that are to be looked at."""
        ...

    def look(self, number: int, passed_s: float, is_open: Callable[[Plan], bool]) -> list[str]:
        """Does what follows from what is known now; returns what happened."""
        ...


class SteadyClock:
    """Tells the time of the day for windows, and how much time passed.

    Args:
        monotonic: Seconds by a clock that nobody sets.
        wall: Seconds since the epoch.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic, self._wall = monotonic, wall
        self._last = (monotonic(), wall())
        self._steady_since = self._last[0]
        self._was_set = False

    def tick(self) -> float:
        """Returns the seconds since the last tick, and notes whether the clock was set."""
        now = (self._monotonic(), self._wall())
        passed_s = now[0] - self._last[0]
        if abs(now[1] - self._last[1] - passed_s) > JUMP_S:
            self._steady_since, self._was_set = now[0], True
        self._last = now
        return passed_s

    def is_open(self, plan: Plan) -> bool:
        """Whether devices may be asked now."""
        if plan.window is None:
            return True
        if self._was_set and self._last[0] - self._steady_since < STEADY_AFTER_S:
            return False
        return plan.window.holds(datetime.fromtimestamp(self._last[1]).time())


class Driver(Rounds):
    """Drives the rollouts on.

    Args:
        store: Where they are.
        period_s: Time between two looks.
        clock: See `SteadyClock`.
    """

    def __init__(
        self, store: Store, period_s: float = LOOK_PERIOD_S, clock: SteadyClock | None = None
    ) -> None:
        super().__init__(
            "rollouts",
            failing="rollouts stand",
            mended="rollouts go on again",
            period_s=period_s,
            first_s=period_s,
        )
        self._store, self._longest_s = store, 3 * period_s
        self._clock = clock or SteadyClock()

    def look(self) -> None:
        """Looks once at all that go on."""
        # A machine that slept watched nothing meanwhile.
        passed_s = min(self._clock.tick(), self._longest_s)
        for number in self._store.going_on():
            for told in self._store.look(number, passed_s, self._clock.is_open):
                logger.warning("%s", told)
