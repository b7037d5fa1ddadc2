"""How long the belt has run: seconds in which it was not told to stand. Pure; time is an argument.

What stands meanwhile is where it was: windows of arrival count in these seconds.
"""

import bisect
from dataclasses import dataclass

_MAX_STRETCHES = 1_024


@dataclass(frozen=True)
class _Stretch:
    """From a time on, the belt ran, or stood."""

    at: float
    belt_s: float
    runs: bool

    def belt_s_at(self, at: float) -> float:
        return self.belt_s + (at - self.at if self.runs else 0.0)


class BeltTime:
    """The seconds of a running belt, over the epoch's."""

    def __init__(self) -> None:
        self._stretches: list[_Stretch] = []
        self._noted_at = 0.0

    def note(self, at: float, runs: bool) -> None:
        """At this time (seconds since the epoch) the belt runs, or stands."""
        if not self._stretches:
            self._stretches = [_Stretch(at, 0.0, runs)]
        elif at < self._noted_at:
            # The clock was set back: goes on from what it came to.
            self._stretches = [_Stretch(at, self.at(self._noted_at), runs)]
        elif runs != self._stretches[-1].runs:
            self._stretches.append(_Stretch(at, self.at(at), runs))
            del self._stretches[:-_MAX_STRETCHES]
        self._noted_at = at

    def at(self, at: float) -> float:
        """Seconds that the belt had run at this time; before the first note, as if it ran."""
        if not self._stretches:
            return at
        index = bisect.bisect_right(self._stretches, at, key=lambda stretch: stretch.at) - 1
        if index < 0:
            return self._stretches[0].belt_s - (self._stretches[0].at - at)
        return self._stretches[index].belt_s_at(at)
