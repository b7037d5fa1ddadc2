"""Reads which records of stations did not come with those around them."""

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from fleet_server.storage.tables import gaps

MAX_GAPS: Final = 30
_MAX_OPEN: Final = 1_000


@dataclass(frozen=True)
class Gap:
    """Records of a station that did not come with those around them.

    Attributes:
        stream: The outbox that numbered them.
        first: The first of them.
        last: The last of them.
        seen_at: When they were missed.
        closed_at: When that ended; None while they are missing.
        outcome: open, filled, gone.
    """

    stream: str
    first: int
    last: int
    seen_at: float
    closed_at: float | None
    outcome: str


def read_open_gaps(connection: sa.Connection, shown: sa.Subquery) -> dict[str, tuple[Gap, ...]]:
    """Reads what is missing of several stations, the latest first, at most `MAX_GAPS` of each.

    Args:
        connection: A transaction that reads.
        shown: The stations; its column `device` has their names.
    """
    rows = connection.execute(
        sa.select(gaps)
        .join(shown, shown.c.device == gaps.c.device)
        .where(gaps.c.outcome == "open")
        .order_by(gaps.c.seen_at.desc())
        .limit(_MAX_OPEN)
    )
    found: dict[str, tuple[Gap, ...]] = {}
    for row in rows:
        before = found.get(row.device, ())
        if len(before) < MAX_GAPS:
            found[row.device] = (*before, _gap(row))
    return found


def read_gaps(connection: sa.Connection, device: str) -> tuple[Gap, ...]:
    """Reads what was ever missing of a station, the latest first, at most `MAX_GAPS`."""
    rows = connection.execute(
        sa.select(gaps)
        .where(gaps.c.device == device)
        .order_by(gaps.c.seen_at.desc(), gaps.c.first.desc())
        .limit(MAX_GAPS)
    )
    return tuple(_gap(row) for row in rows)


def _gap(row: sa.Row[tuple[Any, ...]]) -> Gap:
    return Gap(row.stream, row.first, row.last, row.seen_at, row.closed_at, row.outcome)
