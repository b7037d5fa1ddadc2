"""Reads what one station's own page shows: bounded, by index, on one connection.

Its line in the overview is `overview`'s; what it amounts to is left to `pages`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import sqlalchemy as sa
from pydantic import ValidationError

from beltmark.contract.records import Counters, HealthChange, ItemMessage, UpdateStep
from beltmark.contract.terms import Part, RecordKind
from fleet_server.releases.states import USABLE
from fleet_server.storage.engine import reading
from fleet_server.storage.gap_reads import Gap, read_gaps
from fleet_server.storage.overview import (
    MAX_MINUTES,
    MINUTE_S,
    SOON_S,
    StationRow,
    first_minute,
    read_rows,
    shift_s,
)
from fleet_server.storage.release_book import states_in
from fleet_server.storage.tables import devices, items, minutes, records

MAX_ITEMS: Final = 24
MAX_RELEASES: Final = 100
MAX_RECORDS: Final = 30

_KINDS: Final[Mapping[type[Part], RecordKind]] = {HealthChange: "health", UpdateStep: "update"}

PartT = TypeVar("PartT", bound=Part)


@dataclass(frozen=True)
class Happened(Generic[PartT]):
    """Something that a station told of itself.

    Attributes:
        at: When it happened, by the server's clock.
        what: What.
    """

    at: float
    what: PartT


@dataclass(frozen=True)
class StationDetail:
    """A station at a moment; all lists have the latest first.

    Attributes:
        row: Its line in the overview.
        items: Its last items.
        counters: What it counted in the last minutes, without those that are not known.
        health: How its parts changed.
        updates: What became of the releases that were asked of it.
        gaps: Records that did not come with those around them.
        releases: Names of the releases that it can be asked to run.
    """

    row: StationRow
    items: tuple[ItemMessage, ...]
    counters: tuple[Counters, ...]
    health: tuple[Happened[HealthChange], ...]
    updates: tuple[Happened[UpdateStep], ...]
    gaps: tuple[Gap, ...]
    releases: tuple[str, ...]


def read_station(
    engine: sa.Engine, device: str, now: float, day_start_at: float
) -> StationDetail | None:
    """Reads how a station is; None if it was never heard.

    Args:
        engine: The database.
        device: The station's device.
        now: The server's time, in seconds since the epoch.
        day_start_at: When the day began.

    Raises:
        StorageUnavailable: Nothing can be read at the moment.
    """
    is_it = sa.and_(devices.c.device == device, devices.c.heard_at.is_not(None))
    with reading(engine) as connection:
        rows = read_rows(connection, is_it, now, day_start_at)
        if not rows:
            return None
        shift = shift_s(rows[0].stored)
        return StationDetail(
            row=rows[0],
            items=_read_items(connection, device, now + shift),
            counters=_read_counters(connection, device, now, shift),
            health=_read_records(connection, device, HealthChange, now, shift),
            updates=_read_records(connection, device, UpdateStep, now, shift),
            gaps=read_gaps(connection, device),
            releases=_read_releases(connection),
        )


def _read_items(
    connection: sa.Connection, device: str, device_now: float
) -> tuple[ItemMessage, ...]:
    rows = connection.execute(
        sa.select(items.c.item)
        .where(items.c.device == device, items.c.decided_at <= device_now + SOON_S)
        .order_by(items.c.decided_at.desc(), items.c.item_id)
        .limit(MAX_ITEMS)
    ).scalars()
    return tuple(ItemMessage.model_validate_json(item) for item in rows)


def _read_counters(
    connection: sa.Connection, device: str, now: float, shift: float
) -> tuple[Counters, ...]:
    start_at = first_minute(now) + shift
    rows = connection.execute(
        sa.select(minutes.c.counters)
        .where(
            minutes.c.device == device,
            minutes.c.start_at >= start_at,
            minutes.c.start_at < start_at + MAX_MINUTES * MINUTE_S,
        )
        .order_by(minutes.c.start_at.desc())
        .limit(MAX_MINUTES)
    ).scalars()
    return tuple(Counters.model_validate_json(counters) for counters in rows)


def _read_records(
    connection: sa.Connection,
    device: str,
    model: type[PartT],
    now: float,
    shift: float,
) -> tuple[Happened[PartT], ...]:
    rows = connection.execute(
        sa.select(records.c.at, records.c.body)
        .where(
            records.c.device == device,
            records.c.kind == _KINDS[model],
            records.c.at <= now + shift + SOON_S,
        )
        .order_by(records.c.at.desc(), records.c.sequence.desc())
        .limit(MAX_RECORDS)
    )
    found: list[Happened[PartT]] = []
    for row in rows:
        try:
            what = model.model_validate_json(row.body)
        except ValidationError:
            continue  # it was counted as malformed when it came
        found.append(Happened(row.at - shift, what))
    return tuple(found)


def _read_releases(connection: sa.Connection) -> tuple[str, ...]:
    usable = [name for name, state in states_in(connection).items() if state in USABLE]
    return tuple(usable[:MAX_RELEASES])
