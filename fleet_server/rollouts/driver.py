"""Looks at the rollouts that go on, again and again, as long as the server runs; a thread.

A failure never ends the server: it is told, and tried again.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from beltmark.contract.errors import InputError
from fleet_server.rollouts.plan import Plan
from fleet_server.storage.engine import StorageUnavailable

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


class Driver:
    """Drives the rollouts on.

    Args:
        store: Where they are.
        period_s: Time between two looks.
        clock: See `SteadyClock`.
    """

    def __init__(
        self, store: Store, period_s: float = LOOK_PERIOD_S, clock: SteadyClock | None = None
    ) -> None:
        self._store, self._period_s = store, period_s
        self._clock = clock or SteadyClock()
        self._problem: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rollouts", daemon=True)

    def problems(self) -> list[str]:
        """What is wrong, in words."""
        problem = self._problem
        return [] if problem is None else [problem]

    def start(self) -> None:
        """Begins to look; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it; what is being written is written first."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Looks once at all that go on."""
        # A machine that slept watched nothing meanwhile.
        passed_s = min(self._clock.tick(), 3 * self._period_s)
        for number in self._store.going_on():
            for told in self._store.look(number, passed_s, self._clock.is_open):
                logger.warning("%s", told)

    def _run(self) -> None:
        while not self._stopping.wait(self._period_s):
            try:
                self.look()
            except (InputError, StorageUnavailable) as error:
                self._report(f"rollouts stand: {error}")
            except Exception:  # whatever it is, the server goes on
                logger.exception("a rollout cannot be looked at")
                self._report("rollouts stand: the log tells more")
            else:
                self._report(None)

    def _report(self, problem: str | None) -> None:
        if problem != self._problem:
            logger.error("%s", problem) if problem else logger.warning("rollouts go on again")
            self._problem = problem
