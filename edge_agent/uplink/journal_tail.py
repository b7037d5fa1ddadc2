"""Reads what is new in the station's journal, for the outbox: nobody waits for it, nothing is lost.

The journal is the truth of what happened to an item; its steps only grow. Each step becomes one
record, in one transaction with how far the journal was read.
"""

import contextlib
import logging
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from beltmark.contract.errors import InputError
from beltmark.contract.records import ItemMessage, ItemStep
from edge_agent.printing.schema import PRINT_STATE_SQL, open_for_reading
from edge_agent.printing.weighed import candidates_of, order_of
from edge_agent.uplink.outbox import Cursor, NewRecord
from edge_agent.uplink.wording import told, word

logger = logging.getLogger(__name__)

MAX_STEPS = 200

_STEPS = f"""
SELECT step, history.at, what, detail,
    station, items.item_id, decided_at, outcome, rule, reason, class_name, probability, sku, gtin,
    serial, sscc, labels.state AS label_state, {PRINT_STATE_SQL} AS print_state, release,
    package_sha256, evidence
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
        is_all: Whether there is no more at the moment.
    """

    records: tuple[NewRecord, ...]
    cursor: Cursor
    is_all: bool = True


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
            series, after = _begin(connection, cursor)
            rows = connection.execute(_STEPS, (after, limit)).fetchall()
        except sqlite3.OperationalError:  # busy for long: the next time
            return NewSteps((), cursor)
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"the journal cannot be read: {error}", "is this the right file?", file=path
            ) from None
    steps = ((row, _step(row)) for row in rows)
    records = tuple(NewRecord("item", row["at"], step) for row, step in steps if step is not None)
    last = rows[-1]["step"] if rows else after
    return NewSteps(records, Cursor(series, last), len(rows) < limit)


def _begin(connection: sqlite3.Connection, cursor: Cursor) -> tuple[str, int]:
    """Returns the journal's series, and the step behind which it is to be read.

    A journal that was put back from a copy goes on with steps that the cursor has passed.
    """
    found = connection.execute("SELECT value FROM facts WHERE name = 'serial_series'").fetchone()
    series = str(found[0]) if found else ""
    (newest,) = connection.execute("SELECT coalesce(max(step), 0) FROM history").fetchone()
    goes_on = series == cursor.series and cursor.step <= newest
    return series, cursor.step if goes_on else 0


def _step(row: sqlite3.Row) -> ItemStep | None:
    item = dict(zip(row.keys()[_ITEM_COLUMN:], tuple(row)[_ITEM_COLUMN:], strict=True))
    evidence = item.pop("evidence")
    item["candidates"] = candidates_of(evidence)
    item |= order_of(evidence, item["rule"])
    for name, value in item.items():
        if isinstance(value, str):
            item[name] = told(value) if name == "reason" else word(value)
    try:
        return ItemStep(
            item=ItemMessage(**item),
            step=row["step"],
            what=word(row["what"]),
            detail=told(row["detail"]),
        )
    except ValidationError as error:
        # One that no server could read must not hold up all that follow it.
        logger.error("uplink: step %s of the journal is passed over: %s", row["step"], error)
        return None
