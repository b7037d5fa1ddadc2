"""Whether a device is there, and since when. Pure: how it is heard is left to `ingest`."""

from dataclasses import dataclass
from typing import Literal

PresenceState = Literal["online", "silent", "offline", "unknown"]

SILENT_AFTER_S = 15.0
"""Three heartbeats at their default period."""

_ENDED = {
    "stopped": "the agent was stopped",
    "lost": "the connection was lost",
}


@dataclass(frozen=True)
class Signs:
    """Signs of life of a device's latest session; times in seconds since the epoch, by the server.

    Attributes:
        born_at: The first one; None if only the session's end was heard.
        heard_at: The last one; None if the device was never heard.
        ended_at: When the session ended; None while it goes on.
        end_reason: How it ended: stopped, lost.
    """

    born_at: float | None
    heard_at: float | None
    ended_at: float | None = None
    end_reason: str | None = None


@dataclass(frozen=True)
class Presence:
    """How a device is.

    Attributes:
        state: `online`: it is heard. `silent`: it is connected and not heard. `offline`: its
            session ended. `unknown`: it was not heard since the server started.
        since: Since when, in seconds since the epoch.
        told: The same in words.
    """

    state: PresenceState
    since: float
    told: str


def presence(
    signs: Signs, server_started_at: float, now: float, silent_after_s: float = SILENT_AFTER_S
) -> Presence:
    """Returns how a device is; what is not known to be well is not called so."""
    heard_at, ended_at = signs.heard_at, signs.ended_at
    latest = max((at for at in (heard_at, ended_at) if at is not None), default=None)
    if latest is None:
        return Presence("unknown", server_started_at, "it was never heard")
    if latest < server_started_at:
        return Presence("unknown", server_started_at, "not heard since the server started")
    if ended_at is not None:
        told = _ENDED.get(signs.end_reason or "", "its session ended")
        return Presence("offline", ended_at, told)
    # A sign from the future is of before the server's clock was set back: as old as it is far.
    if heard_at is not None and abs(now - heard_at) <= silent_after_s:
        since = heard_at if signs.born_at is None else signs.born_at
        return Presence("online", since, "it is heard")
    return Presence("silent", latest, f"no sign for more than {silent_after_s:.0f} s")
