"""Reads what the operators' pages show of stations: bounded, by index, on one connection a page.

What it amounts to is left to `pages`. Times of a device whose clock is far off are compared with
its own clock: see `shift_s`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from beltmark.contract.records import ItemMessage
from fleet_server.storage.device_reads import StoredDevice, stored_device
from fleet_server.storage.engine import reading
from fleet_server.storage.fleet import StoredDesired
from fleet_server.storage.gap_reads import Gap, read_open_gaps
from fleet_server.storage.tables import desired, devices, items, minutes

MAX_STATIONS: Final = 1_000
MAX_MINUTES: Final = 60
MINUTE_S: Final = 60.0

FAR_OFF_S: Final = 60.0
"""A clock that differs by more than this is far off."""

SOON_S: Final = 60.0
_NOT_PROVEN: Final = ("unknown", "failed", "late")
_DESIRED: Final = tuple(column.label(f"desired_{column.name}") for column in desired.columns)


@dataclass(frozen=True)
class DayCounts:
    """Items of a station since the day began.

    Attributes:
        printed: Items whose label came out.
        not_proven: Items whose label may not have come out, or did not.
        reviewed: Items that a person looks at.
        rejected: Items that are none of ours.
    """

    printed: int = 0
    not_proven: int = 0
    reviewed: int = 0
    rejected: int = 0

    def __add__(self, other: "DayCounts") -> "DayCounts":
        return DayCounts(
            self.printed + other.printed,
            self.not_proven + other.not_proven,
            self.reviewed + other.reviewed,
            self.rejected + other.rejected,
        )


@dataclass(frozen=True)
class Minute:
    """What a station decided in one minute."""

    printed: int
    reviewed: int
    rejected: int


@dataclass(frozen=True)
class StationRow:
    """What is known of a station, as one line shows it. Times by the server's clock.

    Attributes:
        stored: The device, as it was last heard.
        desired: What it is to run; None if nobody asked for anything.
        today: Its items since the day began.
        minutes: The last minutes that are over, the latest last; None for one that is not known.
        last_label: The latest item that was decided to be printed.
        open_gaps: The gaps whose records are missing, the latest first; a few of them.
    """

    stored: StoredDevice
    desired: StoredDesired | None
    today: DayCounts = DayCounts()
    minutes: tuple[Minute | None, ...] = ()
    last_label: ItemMessage | None = None
    open_gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True)
class Overview:
    """The fleet at a moment.

    Attributes:
        stations: By name; at most `MAX_STATIONS`.
        total: How many there are.
        minutes_start_at: Begin of the first of the stations' minutes.
    """

    stations: tuple[StationRow, ...]
    total: int
    minutes_start_at: float


def shift_s(stored: StoredDevice) -> float:
    """By how much a device's times are to be reduced; 0 unless its clock is far off."""
    offset_s = stored.clock_offset_s
    return offset_s if offset_s is not None and abs(offset_s) > FAR_OFF_S else 0.0


def first_minute(now: float) -> float:
    """Begin of the first of the last `MAX_MINUTES` minutes that are over."""
    return (now // MINUTE_S - MAX_MINUTES) * MINUTE_S


def read_overview(engine: sa.Engine, now: float, day_start_at: float) -> Overview:
    """Reads how the fleet is.

    Args:
        engine: The database.
        now: The server's time, in seconds since the epoch.
        day_start_at: When the day began.

    Raises:
        StorageUnavailable: Nothing can be read at the moment.
    """
    with reading(engine) as connection:
        heard = devices.c.heard_at.is_not(None)
        total = connection.execute(
            sa.select(sa.func.count()).select_from(devices).where(heard)
        ).scalar_one()
        rows = read_rows(connection, heard, now, day_start_at)
    return Overview(tuple(rows), total, first_minute(now))


def read_rows(
    connection: sa.Connection, which: sa.ColumnElement[bool], now: float, day_start_at: float
) -> list[StationRow]:
    """Reads the lines of stations, with a fixed number of questions however many they are."""
    found = read_stations(connection, which)
    by_name = {stored.device: StationRow(stored, wish) for stored, wish in found}
    shown = _shown(which)
    for name, today in _count_day(connection, shown, day_start_at).items():
        by_name[name] = replace(by_name[name], today=today)
    for name, known in _read_minutes(connection, shown, by_name.values(), now).items():
        by_name[name] = replace(by_name[name], minutes=known)
    for name, item in _read_last_labels(connection, shown, now):
        by_name[name] = replace(by_name[name], last_label=item)
    for name, open_gaps in read_open_gaps(connection, shown).items():
        by_name[name] = replace(by_name[name], open_gaps=open_gaps)
    return list(by_name.values())


def read_stations(
    connection: sa.Connection, which: sa.ColumnElement[bool]
) -> list[tuple[StoredDevice, StoredDesired | None]]:
    """Reads stations and what they are to run, by name; at most `MAX_STATIONS`."""
    rows = connection.execute(
        sa.select(devices, *_DESIRED)
        .outerjoin(desired, desired.c.device == devices.c.device)
        .where(which)
        .order_by(devices.c.device)
        .limit(MAX_STATIONS)
    )
    return [(stored_device(row), _desired(row)) for row in rows]


def _shown(which: sa.ColumnElement[bool]) -> sa.Subquery:
    """The stations that are read, and by how much their times are to be reduced."""
    offset_s = devices.c.clock_offset_s
    shift = sa.case((sa.func.abs(offset_s) > FAR_OFF_S, offset_s), else_=0.0)
    return (
        sa.select(devices.c.device, shift.label("shift_s"))
        .where(which)
        .order_by(devices.c.device)
        .limit(MAX_STATIONS)
        .subquery()
    )


def _count_day(
    connection: sa.Connection, shown: sa.Subquery, day_start_at: float
) -> dict[str, DayCounts]:
    # A question for each number: each is a range of one index, where grouping would sort the day.
    def number(*which: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
        return (
            sa.select(sa.func.count())
            .where(
                items.c.device == shown.c.device,
                items.c.decided_at >= day_start_at + shown.c.shift_s,
                *which,
            )
            .correlate(shown)
            .scalar_subquery()
        )

    is_print = items.c.outcome == "PRINT"
    rows = connection.execute(
        sa.select(
            shown.c.device,
            number(is_print, items.c.print_state == "printed").label("printed"),
            number(is_print, items.c.print_state.in_(_NOT_PROVEN)).label("not_proven"),
            number(items.c.outcome == "REVIEW").label("reviewed"),
            number(items.c.outcome == "REJECT").label("rejected"),
        )
    )
    return {
        row.device: DayCounts(row.printed, row.not_proven, row.reviewed, row.rejected)
        for row in rows
    }


def _read_minutes(
    connection: sa.Connection, shown: sa.Subquery, stations: Iterable[StationRow], now: float
) -> dict[str, tuple[Minute | None, ...]]:
    start_at = first_minute(now)
    known: dict[str, list[Minute | None]] = {
        one.stored.device: [None] * MAX_MINUTES for one in stations
    }
    shifts = {one.stored.device: shift_s(one.stored) for one in stations}
    rows = connection.execute(
        sa.select(
            minutes.c.device,
            minutes.c.start_at,
            minutes.c.printed,
            minutes.c.reviewed,
            minutes.c.rejected,
        )
        .join(shown, shown.c.device == minutes.c.device)
        .where(
            minutes.c.start_at >= start_at + shown.c.shift_s,
            minutes.c.start_at < start_at + MAX_MINUTES * MINUTE_S + shown.c.shift_s,
        )
        .limit(2 * MAX_MINUTES * MAX_STATIONS)
    )
    for device, at, printed, reviewed, rejected in rows:
        place = minute_place(at - shifts[device], start_at)
        if place is not None:
            known[device][place] = Minute(printed, reviewed, rejected)
    return {device: tuple(values) for device, values in known.items()}


def minute_place(at: float, start_at: float) -> int | None:
    """Which of the minutes from `start_at` on one is; None if it is none of them."""
    place = round((at - start_at) / MINUTE_S)
    return place if 0 <= place < MAX_MINUTES else None


def _read_last_labels(
    connection: sa.Connection, shown: sa.Subquery, now: float
) -> list[tuple[str, ItemMessage]]:
    item = items.alias()
    latest = (
        sa.select(item.c.item_id)
        .where(
            item.c.device == shown.c.device,
            item.c.outcome == "PRINT",
            # What was decided under a clock that was ahead would be the latest for years.
            item.c.decided_at <= now + SOON_S + shown.c.shift_s,
        )
        .order_by(item.c.decided_at.desc(), item.c.item_id)
        .limit(1)
        .correlate(shown)
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(items.c.device, items.c.item)
        .join(shown, shown.c.device == items.c.device)
        .where(items.c.item_id == latest)
    )
    return [(row.device, ItemMessage.model_validate_json(row.item)) for row in rows]


def _desired(row: sa.Row[tuple[Any, ...]]) -> StoredDesired | None:
    values = {column.name: row._mapping[f"desired_{column.name}"] for column in desired.columns}
    return None if values["device"] is None else StoredDesired(**values)
