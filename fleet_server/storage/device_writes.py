"""What devices say of themselves, in SQL, each to run inside one transaction of `telemetry`."""

import logging
from typing import Any, Final

import sqlalchemy as sa

from beltmark.contract.messages import Birth, Death, Heartbeat, Reported
from fleet_server.storage.engine import insert
from fleet_server.storage.tables import devices

logger = logging.getLogger(__name__)

MAX_DEVICES: Final = 10_000
MAX_NEVER_HEARD: Final = 100
"""Devices of which only malformed messages are known."""

DeviceRow = sa.Row[tuple[Any, ...]]


def write_birth(connection: sa.Connection, birth: Birth, received_at: float) -> bool:
    """Begins a session; returns whether the birth was news."""
    row = lock_device(connection, birth.device, received_at)
    if row is None or not _is_news(row, birth):
        return False
    goes_on = birth.session == row.session and row.ended_at is None and row.born_at is not None
    _update(
        connection,
        birth.device,
        session=birth.session,
        born_at=row.born_at if goes_on else received_at,
        heard_at=received_at,
        ended_at=None,
        end_reason=None,
        birth=birth.model_dump_json(),
    )
    return True


def write_heartbeat(connection: sa.Connection, heartbeat: Heartbeat, received_at: float) -> None:
    """Keeps the latest heartbeat, and how far the device's clock is from the server's."""
    if hear(connection, heartbeat.device, heartbeat.session, received_at):
        _update(
            connection,
            heartbeat.device,
            heartbeat=heartbeat.model_dump_json(),
            clock_offset_s=heartbeat.at - received_at,
        )


def write_death(connection: sa.Connection, death: Death, received_at: float) -> None:
    """Ends a session; an old one's end means nothing to a newer one."""
    row = lock_device(connection, death.device, received_at)
    if row is None or death.session < row.session:
        return
    if death.session == row.session and row.ended_at is not None:
        return
    is_unheard = death.session > row.session
    _update(
        connection,
        death.device,
        session=death.session,
        born_at=None if is_unheard else row.born_at,
        ended_at=received_at,
        end_reason=death.reason,
        # An end is a sign of life, too: that there was one.
        heard_at=received_at if row.heard_at is None else row.heard_at,
    )


def write_reported(connection: sa.Connection, reported: Reported, received_at: float) -> None:
    """Keeps what the device says that it runs."""
    row = lock_device(connection, reported.device, received_at)
    if row is None or reported.session < row.session:
        return
    hear(connection, reported.device, reported.session, received_at)
    _update(connection, reported.device, reported=reported.model_dump_json())


def write_malformed(
    connection: sa.Connection, device: str, reason: str, received_at: float
) -> None:
    """Counts a message that could not be used."""
    row = lock_device(connection, device, received_at, is_heard=False)
    if row is None:
        return
    connection.execute(
        devices.update()
        .where(devices.c.device == device)
        .values(malformed=devices.c.malformed + 1, malformed_told=reason, malformed_at=received_at)
    )


def hear(connection: sa.Connection, device: str, session: int, received_at: float) -> bool:
    """Notes a sign of life; returns whether it is one of a session that goes on.

    The first sign of a newer session begins it, if its birth was missed. What comes of a session
    that has ended was sent before its end.
    """
    row = lock_device(connection, device, received_at)
    if row is None or session < row.session:
        return False
    if session > row.session:
        _update(
            connection,
            device,
            session=session,
            born_at=received_at,
            heard_at=received_at,
            ended_at=None,
            end_reason=None,
        )
        return True
    if row.ended_at is not None:
        return False
    _update(connection, device, heard_at=received_at)
    return True


def lock_device(
    connection: sa.Connection, device: str, received_at: float, *, is_heard: bool = True
) -> DeviceRow | None:
    """Returns a device's row, making it where there is none; None where there is no room for it."""
    query = sa.select(devices).where(devices.c.device == device).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is not None:
        return row
    if not _has_room(connection, is_heard):
        logger.error("no room for another device: what %s says is passed over", device)
        return None
    connection.execute(
        insert(connection, devices)
        .values(device=device, session=0, first_seen_at=received_at, malformed=0)
        .on_conflict_do_nothing()
    )
    return connection.execute(query).one()


def _has_room(connection: sa.Connection, is_heard: bool) -> bool:
    count = sa.select(sa.func.count()).select_from(devices)
    if not is_heard:
        unheard = connection.execute(count.where(devices.c.heard_at.is_(None))).scalar_one()
        if unheard >= MAX_NEVER_HEARD:
            return False
    return connection.execute(count).scalar_one() < MAX_DEVICES


def _is_news(row: DeviceRow, birth: Birth) -> bool:
    """Whether a birth begins, or goes on with, the latest session.

    Sessions only grow, until a device loses its memory: then its outbox is a new one as well. And
    what is born after an end, lives: brokers keep the order of what a device says.
    """
    if birth.session >= row.session or row.ended_at is not None or row.birth is None:
        return True
    return Birth.model_validate_json(row.birth).stream != birth.stream


def _update(connection: sa.Connection, device: str, **values: object) -> None:
    connection.execute(devices.update().where(devices.c.device == device).values(**values))
