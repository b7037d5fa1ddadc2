"""Waits between attempts: each twice as long as the one before, with jitter. Pure."""

import random
from collections.abc import Callable


class Backoff:
    """The waits of one caller.

    Args:
        first_s: The first wait.
        longest_s: The longest.
        jitter: Draws from 0..1: devices that lost one server do not come back all at once.
    """

    def __init__(
        self, first_s: float, longest_s: float, jitter: Callable[[], float] = random.random
    ) -> None:
        self._first_s, self._longest_s, self._jitter = first_s, longest_s, jitter
        self._next_s = first_s

    def next_s(self) -> float:
        """Returns how long to wait before the next attempt."""
        wait_s, self._next_s = self._next_s, min(2 * self._next_s, self._longest_s)
        return wait_s * (0.5 + self._jitter())

    def reset(self) -> None:
        """It went well: begins again with the first wait."""
        self._next_s = self._first_s
