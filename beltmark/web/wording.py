"""How numbers and times read on the pages. Pure.

Times are written as they were, never as "3 s ago": a page that stands still must not look fresh.
The script turns them into ages, and counts on while nobody answers.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from math import floor
from typing import Final, Literal

from markupsafe import Markup

Form = Literal["clock", "minute", "day", "ago", "for"]
"""How a moment reads: time of day (to the second, or the minute), date, its age, how long since."""

_NARROW_SPACE: Final = "\u202f"
_LATEST: Final = 253_402_214_400.0  # the last day that has a date


def count(number: float) -> str:
    """A number with its thousands apart: 12 304."""
    return f"{number:,.0f}".replace(",", _NARROW_SPACE)


def percent(share: float) -> str:
    """A share from 0 to 1 in percent; only what is certain reads as 0 % or 100 %."""
    if 0 < share < 0.001:
        shown = "<0.1"
    elif 0 < share < 0.005:
        shown = f"{100 * share:.1f}"
    elif 0.995 <= share < 1:
        shown = f"{floor(1_000 * share) / 10:.1f}"  # cut off, not rounded
    else:
        shown = f"{100 * share:.0f}"
    return f"{shown}{_NARROW_SPACE}%"


def size(length: float) -> str:
    """A number of bytes: 3.2 MB."""
    for unit in ("B", "kB", "MB"):
        if length < 1_000:
            return f"{length:.0f} {unit}" if unit == "B" else f"{length:.1f} {unit}"
        length /= 1_000
    return f"{length:.1f} GB"


def duration(seconds: float) -> str:
    """A length of time in its largest unit: 3 s, 5 min, 2 h, 4 days."""
    seconds = abs(seconds)
    for length, unit in ((86_400 * 365.25, "years"), (86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * length or (seconds >= length and unit in ("h", "min")):
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


@dataclass(frozen=True)
class Moments:
    """Writes moments into pages.

    Attributes:
        now: The server's time, in seconds since the epoch.
        zone: The time zone of what is written; None for this machine's.
    """

    now: float
    zone: tzinfo | None = None

    def text(self, at: float, form: Form = "clock") -> str:
        """A moment as text; with the date where it was not today."""
        then, today = self._local(at), self._local(self.now)
        day = f"{then.day} {then:%b}" if then.year == today.year else f"{then:%Y-%m-%d}"
        if form == "minute":
            return f"{then:%H:%M}"
        if form == "day":
            return f"{day}, {then:%H:%M}"
        text = f"{then:%H:%M:%S}" if then.date() == today.date() else f"{day}, {then:%H:%M}"
        return f"since {text}" if form == "for" else text

    def __call__(self, at: float, form: Form = "clock") -> Markup:
        """A moment as an element, which the script keeps up to date."""
        return Markup('<time datetime="{}" data-at="{:.3f}" data-form="{}">{}</time>').format(
            self._local(at).isoformat(timespec="seconds"), at, form, self.text(at, form)
        )

    def _local(self, at: float) -> datetime:
        return datetime.fromtimestamp(min(max(at, 0.0), _LATEST), self.zone).astimezone(self.zone)
