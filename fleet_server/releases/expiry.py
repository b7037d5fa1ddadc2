"""When which of the repository's metadata is to be renewed. Pure.

Its age is what proves to a station that nobody withholds something newer from it; so it must
expire, and be renewed as long as a server runs. What has expired blocks new installs, nothing else.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

Role = Literal["root", "targets", "snapshot", "timestamp"]

ROLES: Final[tuple[Role, ...]] = ("root", "targets", "snapshot", "timestamp")
"""In the order in which they are written: each is named by those after it, the root by none."""

LIFETIMES: Final[Mapping[Role, timedelta]] = {
    "root": timedelta(days=365),
    "targets": timedelta(days=365),
    "snapshot": timedelta(days=7),
    "timestamp": timedelta(days=1),
}
_RENEWED_BEFORE: Final[Mapping[Role, timedelta]] = {
    "root": timedelta(days=60),
    "targets": timedelta(days=60),
    "snapshot": timedelta(days=3),
    "timestamp": timedelta(hours=12),
}
# Two clocks that differ a little are not a clock that was years ahead.
_TOLERANCE: Final = timedelta(days=1)


def renewals(expiries: Mapping[Role, datetime], now: datetime) -> tuple[Role, ...]:
    """Returns the roles to be renewed now, in the order in which they are to be written.

    A role is due a while before it expires, and when it expires later than it ever should: then it
    was signed while the clock was ahead. What names a renewed role is renewed with it.

    Args:
        expiries: When each role expires.
        now: The time.
    """
    due = {role for role in ROLES if _is_due(role, expiries[role] - now)}
    if "targets" in due:
        due.add("snapshot")
    if "snapshot" in due:
        due.add("timestamp")
    return tuple(role for role in ROLES if role in due)


def expired(expiries: Mapping[Role, datetime], now: datetime) -> tuple[Role, ...]:
    """Returns the roles that have expired: stations install nothing new until they are renewed."""
    return tuple(role for role in ROLES if expiries[role] <= now)


def _is_due(role: Role, remaining: timedelta) -> bool:
    return remaining < _RENEWED_BEFORE[role] or remaining > LIFETIMES[role] + _TOLERANCE
