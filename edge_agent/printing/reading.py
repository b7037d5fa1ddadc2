"""Reads the journal: the items for people, and what an agent must know when it starts."""

import contextlib
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from beltmark.contract.errors import InputError
from beltmark.contract.messages import ItemMessage
from edge_agent.printing.records import LastSeen, OpenLabel, Place
from edge_agent.printing.schema import open_for_reading

# An item leaves its station within this time.
_LATELY_S = 10.0

_ITEMS = """
SELECT station, items.item_id, decided_at, outcome, reason, class_name, probability, sku, gtin,
    serial, labels.state AS print_state, release, package_sha256
FROM items LEFT JOIN labels USING (item_id)
ORDER BY decided_at DESC, items.rowid DESC LIMIT ?
"""


@dataclass(frozen=True)
class HistoryStep:
    """One thing that happened to an item."""

    at: float
    what: str
    detail: str


@dataclass(frozen=True)
class Recollection:
    """What an earlier run left.

    Attributes:
        last_seen: Items that were in the zone.
        open_labels: Labels without a known end.
        reviewed_lately: Items that went to a person shortly before; their diverts may be lost.
        belt_speed_px_s: Speed of the belt as it was then known.
        has_rebooted: The computer has started anew since then. Positions do not wait for the disk,
            so if it had lost its power, the latest of them are lost.
    """

    last_seen: tuple[LastSeen, ...] = ()
    open_labels: tuple[OpenLabel, ...] = ()
    reviewed_lately: tuple[tuple[str, Place], ...] = ()
    belt_speed_px_s: float | None = None
    has_rebooted: bool = False


def read_items(path: Path, limit: int = 1_000) -> list[ItemMessage]:
    """Returns the latest items, oldest first; none where no agent has run yet.

    Raises:
        InputError: The file is damaged or no journal.
    """
    rows = _read(path, _ITEMS, (limit,))
    return [ItemMessage(**dict(row)) for row in reversed(rows)]


def read_history(path: Path, item_id: str) -> list[HistoryStep]:
    """Returns all that happened to an item, in order.

    Raises:
        InputError: The file is damaged or no journal.
    """
    query = "SELECT at, what, detail FROM history WHERE item_id = ? ORDER BY step"
    return [HistoryStep(*row) for row in _read(path, query, (item_id,))]


def recollect(connection: sqlite3.Connection, boot: str) -> Recollection:
    """Reads what an earlier run left; `boot` is this start of the computer."""
    facts = dict(connection.execute("SELECT name, value FROM facts").fetchall())
    last_seen = tuple(
        LastSeen(item_id, Place(x, y, at), size, class_name, outcome)
        for item_id, x, y, at, size, class_name, outcome in connection.execute(
            "SELECT positions.item_id, positions.x_px, positions.y_px, positions.captured_at, "
            "size_px, positions.class_name, outcome FROM positions LEFT JOIN items USING (item_id)"
        )
    )
    open_labels = tuple(
        OpenLabel(item_id, state, baseline, Place(x, y, at), outcome)
        for item_id, state, baseline, x, y, at, outcome in connection.execute(
            "SELECT item_id, state, baseline, x_px, y_px, captured_at, outcome "
            "FROM labels JOIN items USING (item_id) WHERE closed_at IS NULL ORDER BY decided_at"
        )
    )
    reviewed_lately = tuple(
        (item_id, Place(x, y, at))
        for item_id, x, y, at in connection.execute(
            "SELECT item_id, x_px, y_px, captured_at FROM items WHERE outcome = 'REVIEW' "
            "AND decided_at >= (SELECT max(decided_at) FROM items) - ? ORDER BY decided_at",
            (_LATELY_S,),
        )
    )
    speed = facts.get("belt_speed_px_s")
    return Recollection(
        last_seen,
        open_labels,
        reviewed_lately,
        float(speed) if speed is not None else None,
        has_rebooted=facts.get("noted_in_boot") != boot,
    )


def this_boot() -> str:
    """Returns which start of the computer this is: its name changes with each."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return f"unknown {time.time()}"  # never the same: nothing is taken for granted


def _read(path: Path, query: str, values: Sequence[object]) -> list[sqlite3.Row]:
    connection = open_for_reading(path)
    if connection is None:
        return []
    with contextlib.closing(connection):
        connection.row_factory = sqlite3.Row
        try:
            return connection.execute(query, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise InputError(
                f"the journal cannot be read: {error}", "is this the right file?", file=path
            ) from None
