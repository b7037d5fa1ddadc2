"""When the run permit is renewed and when it is taken back. Pure; saying so is left to lines."""

import math
from typing import Literal

BEAT_EVERY_S = 0.25
PERMIT_TIMEOUT_S = 1.0
"""How long the belt runs on after the last beat: the relay's own time."""

ASK_EVERY_S = 0.05
"""So often the station is asked whether the belt may run: an objection must stop it in time."""

# An objection that passes sooner does not make the belt stand: contactors wear out.
_HOLD_AFTER_S = 0.1

PermitWord = Literal["PERMIT", "HOLD"]


class PermitBeat:
    """The permit of one line. Times are on the steady clock.

    Attributes:
        held_since: Since when the belt was told to stand; None where it may run.
    """

    def __init__(self) -> None:
        self.held_since: float | None = None
        self._beat_at = -math.inf
        self._objected_at = math.inf

    def connected(self) -> None:
        """The other end is a new one, which has been told nothing."""
        self.held_since, self._beat_at = None, -math.inf

    def due(self, now: float, *, is_well: bool, ends: bool) -> PermitWord | None:
        """Returns what is to be said now; tell `said` when it was.

        Args:
            now: The time.
            is_well: Whether the belt may run.
            ends: The station ends: the belt is told to stand without delay.
        """
        if is_well and not ends:
            self._objected_at = math.inf
            is_due = self.held_since is not None or now >= self._beat_at
            return "PERMIT" if is_due else None
        self._objected_at = min(self._objected_at, now)
        is_due = ends or now - self._objected_at >= _HOLD_AFTER_S
        return "HOLD" if is_due and self.held_since is None else None

    def said(self, word: PermitWord, now: float, stands_after_s: float = 0.0) -> None:
        """Takes notice that it was said; the belt stands so long after a `HOLD`."""
        if word == "PERMIT":
            self.held_since, self._beat_at = None, now + BEAT_EVERY_S
        else:
            self.held_since = now + stands_after_s
