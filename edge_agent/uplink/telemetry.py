"""Counts what a station does, minute by minute, and notices how its parts change. No I/O.

Counting is for any thread and costs next to nothing; the uplink's thread takes the results.
"""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

from beltmark.contract.records import LATENCY_BOUNDS_MS, Counters, HealthChange, PartHealth
from beltmark.contract.terms import Outcome, PrintState

MINUTE_S = 60.0


class MinuteCounter:
    """Counts one minute after the other.

    Args:
        now: When it begins, in seconds since the epoch.
    """

    def __init__(self, now: float) -> None:
        self._lock = threading.Lock()
        self._dropped_before = 0
        self._begin(now)

    def count_frame(self, latency_s: float | None, dropped: int) -> None:
        """Notes one frame.

        Args:
            latency_s: From its capture to the end of what it brought; None for a recording.
            dropped: Frames dropped since the station started.
        """
        with self._lock:
            self._frames += 1
            self._dropped += max(0, dropped - self._dropped_before)
            self._dropped_before = dropped
            if latency_s is not None:
                self._latency[bisect_left(LATENCY_BOUNDS_MS, 1_000 * latency_s)] += 1

    def count_outcome(self, outcome: Outcome) -> None:
        """Notes one decision."""
        with self._lock:
            self._outcomes[outcome] += 1

    def count_label(self, state: PrintState) -> None:
        """Notes that a label came to a state."""
        with self._lock:
            self._labels[state] += 1

    def roll(self, now: float) -> Counters | None:
        """Returns a minute that is over, and begins the next; None while it is not.

        A clock that is set begins a new minute as well, forwards and backwards.
        """
        with self._lock:
            if _minute(now) == self._start_at:
                return None
            return self._end(now)

    def finish(self, now: float) -> Counters:
        """Returns what was counted in the minute that has begun."""
        with self._lock:
            return self._end(now)

    def _end(self, now: float) -> Counters:
        told = Counters(
            start_at=self._start_at,
            frames=self._frames,
            dropped=self._dropped,
            outcomes=dict(self._outcomes),
            labels=dict(self._labels),
            latency_counts=tuple(self._latency),
        )
        self._begin(now)
        return told

    def _begin(self, now: float) -> None:
        self._start_at = _minute(now)
        self._frames = self._dropped = 0
        self._outcomes: Counter[Outcome] = Counter()
        self._labels: Counter[PrintState] = Counter()
        self._latency = [0] * (len(LATENCY_BOUNDS_MS) + 1)


class HealthWatch:
    """Notices which parts are otherwise than before."""

    def __init__(self) -> None:
        self._known: dict[str, PartHealth] = {}

    def changes(self, parts: Mapping[str, PartHealth]) -> list[HealthChange]:
        """Returns the parts whose state or word has changed; at first all of them."""
        changed = [
            HealthChange(part=part, health=health)
            for part, health in parts.items()
            if (known := self._known.get(part)) is None
            or (known.state, known.told) != (health.state, health.told)
        ]
        self._known = dict(parts)
        return changed


def _minute(now: float) -> float:
    return max(0.0, now // MINUTE_S * MINUTE_S)
