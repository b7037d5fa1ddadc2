"""Which time a report is about, from what a person typed. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from beltmark.contract.errors import InputError

_EXAMPLE: Final = "write 2026-11-25T06:00, or 06:00 for today"


@dataclass(frozen=True)
class Period:
    """A time, from `begin` until `end`, each with its zone."""

    begin: datetime
    end: datetime


def period_of(
    now: datetime, begin: str | None = None, end: str | None = None, hours: float = 8.0
) -> Period:
    """Returns the period: as long as `hours`, unless both its ends are given.

    Args:
        now: The time of the question, with its zone, in which the texts are read.
        begin: Its begin; without it, `hours` before its end.
        end: Its end; without it, now, or `hours` after its begin where that is past.
        hours: How long it is.

    Raises:
        InputError: A text is no time, or it ends before it begins.
    """
    length = timedelta(hours=hours)
    starts = None if begin is None else _time(begin, now, "--from")
    ends = None if end is None else _time(end, now, "--to")
    if ends is None:
        ends = now if starts is None else min(now, starts + length)
    if starts is None:
        starts = ends - length
    if ends <= starts:
        raise InputError("ends before it begins", "give a later --to", field="--to")
    return Period(starts, ends)


def _time(text: str, now: datetime, field: str) -> datetime:
    try:
        if len(text) <= len("06:00:00") and ":" in text:
            text = f"{now:%Y-%m-%d}T{text}"
        told = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no time", _EXAMPLE, field=field) from None
    return told if told.tzinfo is not None else told.replace(tzinfo=now.tzinfo)
