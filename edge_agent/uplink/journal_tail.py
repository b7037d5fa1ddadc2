"""Reads what is new in the station's journal, for the outbox: nobody waits for it, nothing is lost.

The journal is the truth of what happened to an item; its steps only grow. Each step becomes one
record, in one transaction with how far the journal was read.
"""

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from beltmark.contract.messages import ItemMessage, ItemStep
from edge_agent.printing.schema import open_for_reading
from edge_agent.uplink.outbox import Cursor, NewRecord

MAX_STEPS = 200

_LONGEST_WORD = 200
_LONGEST_TELLING = 2_000

_STEPS = """
SELECT step, history.at, what, detail,
    station, items.item_id, decided_at, outcome, rule, reason, class_name, probability, sku, gtin,
    serial, labels.state AS print_state, release, package_sha256
FROM history JOIN items USING (item_id) LEFT JOIN labels USING (item_id)
WHERE step > ? ORDER BY step LIMIT ?
"""
_ITEM_COLUMN = 4


@dataclass(frozen=True)
class NewSteps:
    """What is new in a journal.

    Attributes:
        records: One for each step.
        cursor: How far the journal has been read with them.
    """

    records: tuple[NewRecord, ...]
    cursor: Cursor


def read_steps(path: Path, cursor: Cursor, limit: int = MAX_STEPS) -> NewSteps:
    """Returns the steps after a cursor; of another journal than the cursor's, those from the start.

    Raises:
        InputError: The journal is damaged or none.
    """
    connection = open_for_reading(path)
    if connection is None:
        return NewSteps((), cursor)
    with contextlib.closing(connection):
        connection.row_factory = sqlite3.Row
        try:
            (series,) = connection.execute(
                "SELECT value FROM facts WHERE name = 'serial_series'"
            ).fetchone()
            after = cursor.step if series == cursor.series else 0
            rows = connection.execute(_STEPS, (after, limit)).fetchall()
        except sqlite3.OperationalError:  # busy for long: the next time
            return NewSteps((), cursor)
    records = tuple(NewRecord("item", row["at"], _step(row)) for row in rows)
    return NewSteps(records, Cursor(series, rows[-1]["step"] if rows else after))


def _step(row: sqlite3.Row) -> ItemStep:
    item = dict(zip(row.keys()[_ITEM_COLUMN:], tuple(row)[_ITEM_COLUMN:], strict=True))
    for name, value in item.items():
        if isinstance(value, str):
            item[name] = value[: _LONGEST_TELLING if name == "reason" else _LONGEST_WORD]
    return ItemStep(
        item=ItemMessage(**item),
        step=row["step"],
        what=row["what"][:_LONGEST_WORD],
        detail=row["detail"][:_LONGEST_TELLING],
    )
