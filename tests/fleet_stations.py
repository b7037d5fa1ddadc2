"""Stations as the pages' tests need them, without a database."""

from fleet_messages import birth

from beltmark.contract.messages import Heartbeat, Reported
from beltmark.contract.records import PartHealth
from fleet_server.domain.presence import Signs
from fleet_server.storage.device_reads import StoredDevice
from fleet_server.storage.fleet import StoredDesired

NOW = 50_000.0
STARTED_AT = 10_000.0


def beat(
    *,
    may_run: bool = True,
    problems: dict[str, str] | None = None,
    session: int = 1,
    waiting: int = 0,
    **parts: PartHealth,
) -> Heartbeat:
    return Heartbeat(
        device="belt-1",
        session=session,
        at=NOW - 2,
        may_run=may_run,
        problems=problems or {},
        parts={"camera": PartHealth(state="ok", told="up")} | parts,
        waiting=waiting,
    )


WELL = beat()


def stored(
    *,
    born_at: float | None = NOW - 300,
    heard_at: float | None = NOW - 2,
    ended_at: float | None = None,
    end_reason: str | None = None,
    beats: Heartbeat | None = WELL,
    reports: Reported | None = None,
    session: int = 1,
    **more: object,
) -> StoredDevice:
    """A device that is heard, and well if nothing else is said."""
    values = {
        "clock_offset_s": 0.0,
        "malformed": 0,
        "malformed_told": None,
        "malformed_at": None,
    } | more
    return StoredDevice(
        device="belt-1",
        signs=Signs(born_at, heard_at, ended_at, end_reason),
        birth=birth(session, release="r1", package_sha256="a" * 64),
        heartbeat=beats,
        reported=reports,
        **values,
    )


def report(version: int, state: str, release: str = "r1", wanted: str = "r2", **more) -> Reported:
    return Reported(
        device="belt-1",
        session=1,
        at=NOW - 9,
        release=release,
        package_sha256="a" * 64,
        desired_version=version,
        desired_release=wanted,
        state=state,
        **more,
    )


def wish(release: str = "r2", version: int = 2, published: int = 2) -> StoredDesired:
    return StoredDesired("belt-1", version, release, "r1", NOW - 60, "admin", published)
