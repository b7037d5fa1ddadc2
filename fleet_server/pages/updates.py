"""How far a station is with the release that it is asked to run, in words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from beltmark.contract.terms import UpdateState
from fleet_server.domain.presence import PresenceState
from fleet_server.storage.device_reads import StoredDevice
from fleet_server.storage.fleet import StoredDesired

Stage = Literal["settled", "under way", "refused"]

_UNDER_WAY: Final[Mapping[UpdateState, str]] = {
    "idle": "taken note of",
    "downloading": "downloading…",
    "verifying": "checking its signatures…",
    "accepting": "trying it on this device…",
    "waiting": "ready, waits for a gap between items",
    "running": "running",
}


@dataclass(frozen=True)
class Update:
    """How far a station is.

    Attributes:
        running: The release that runs; None if the station has not said.
        wanted: The release that it is asked to run; None if nobody asked, or it runs already.
        stage: Whether something is to be waited for, or to be done.
        told: How far it is with the wanted release; empty if there is none.
        reason: Why it refused, or what it waits for, in its own words.
        since: When it was asked for, in seconds since the epoch.
    """

    running: str | None
    wanted: str | None = None
    stage: Stage = "settled"
    told: str = ""
    reason: str = ""
    since: float | None = None


def running_release(stored: StoredDevice) -> str | None:
    """The release that a device runs, by its own word."""
    said = stored.reported or stored.birth
    return said.release or None if said is not None else None


def update_of(
    stored: StoredDevice, desired: StoredDesired | None, presence: PresenceState
) -> Update:
    """Returns how far a station is with what is asked of it."""
    running, reported = running_release(stored), stored.reported
    if desired is None:
        return Update(running)
    is_answered = reported is not None and reported.desired_version >= desired.version
    if running == desired.release and (
        not is_answered or (reported is not None and reported.state in ("running", "idle"))
    ):
        return Update(running)
    if is_answered and reported is not None:
        if reported.state == "refused":
            return Update(
                running, desired.release, "refused", "refused", reported.reason, reported.at
            )
        told = _UNDER_WAY[reported.state]
        return Update(
            running, desired.release, "under way", told, reported.reason, desired.issued_at
        )
    if desired.published_version < desired.version:
        told = "asked for; the broker has not taken it yet"
    elif presence == "online":
        told = "asked for; the station has not answered yet"
    else:
        told = "asked for; the station will hear of it when it is back"
    return Update(running, desired.release, "under way", told, since=desired.issued_at)
