"""Turns devices away from a release that was recalled: to the champion, or to what they ran before.

One transaction: a device is asked for something else, and the log knows why, or neither.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from beltmark.contract.messages import Birth, Reported
from fleet_server.releases.states import USABLE
from fleet_server.storage.engine import writing
from fleet_server.storage.fleet_writes import write_desired
from fleet_server.storage.release_book import champion_of, states_in
from fleet_server.storage.tables import desired, devices, log


@dataclass(frozen=True)
class Turned:
    """A device that was to run a recalled release, or does.

    Attributes:
        device: The device.
        release: What it is asked to run instead; None where there is nothing.
    """

    device: str
    release: str | None


def turn_away(engine: sa.Engine, release: str, by: str, now: float) -> list[Turned]:
    """Asks each device that runs a recalled release, or is to run it, for something else.

    Args:
        engine: The database.
        release: The release.
        by: Who recalls it.
        now: In seconds since the epoch.

    Raises:
        StorageUnavailable: Nothing can be written at the moment.
    """
    turned = []
    with writing(engine) as connection:
        champion, states = champion_of(connection), states_in(connection)
        wanted = sa.select(devices, desired.c.release, desired.c.previous).outerjoin(
            desired, desired.c.device == devices.c.device
        )
        for row in connection.execute(wanted.order_by(devices.c.device)).all():
            is_left = row.release is None and _running(row) == release
            if row.release != release and not is_left:
                continue
            other = champion
            if other is None and states.get(row.previous) in USABLE:
                other = row.previous
            if other is not None:
                write_desired(connection, row.device, other, by, now)
                told = f"asked {row.device} to run {other}: {release} was recalled"
                connection.execute(log.insert().values(at=now, who=by[:200], what=told))
            turned.append(Turned(row.device, other))
    return turned


def _running(row: sa.Row[tuple[object, ...]]) -> str | None:
    """The release that a device runs, by its own word."""
    reported, birth = row._mapping["reported"], row._mapping["birth"]
    said = Reported.model_validate_json(str(reported)).release if reported else None
    return said or (Birth.model_validate_json(str(birth)).release if birth else None)
