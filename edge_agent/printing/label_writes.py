"""A label's steps in SQL, each to run inside one transaction of the journal's owner."""

import sqlite3

from beltmark.contract.terms import LabelState, PrintState
from edge_agent.printing.schema import PRINT_STATE_SQL
from edge_agent.printing.states import (
    SETTLED,
    TRANSITIONS,
    UNSETTLED,
    Confirmed,
    IllegalTransition,
    check_transition,
)
from edge_agent.printing.writes import add_history

STATION = "station"
"""Who voids a label that was late: no person."""


def write_label_step(
    connection: sqlite3.Connection,
    item_id: str,
    after: PrintState,
    at: float,
    *,
    baseline: int | None = None,
    printer: str = "",
    detail: str = "",
) -> None:
    """Moves a label on while the spooler has to do with it; a settled state closes it.

    One that was closed is not opened again. One that is late is void, for it was never sent.
    """
    before, closed_at = connection.execute(
        "SELECT state, closed_at FROM labels WHERE item_id = ?", (item_id,)
    ).fetchone()
    check_transition(item_id, before, after)
    if closed_at is not None and after in UNSETTLED:
        raise IllegalTransition(item_id, before, after)
    counter = "" if baseline is None else f"label counter {baseline}"
    told = "; ".join(part for part in (counter, printer, detail) if part)
    _move(connection, item_id, after, at, told)
    if baseline is not None:
        connection.execute("UPDATE labels SET baseline = ? WHERE item_id = ?", (baseline, item_id))
    if printer:
        connection.execute("UPDATE labels SET printer = ? WHERE item_id = ?", (printer, item_id))
    if after == "late":
        write_void(connection, item_id, at, "it was not sent in time", STATION)
    _settle_divert(connection, item_id, at)


def write_confirmed(
    connection: sqlite3.Connection, item_id: str, after: Confirmed, at: float, detail: str
) -> LabelState | None:
    """Moves a label on by what came after printing, where the table has that way.

    That an item was diverted is kept however its label stands: while the spooler still has to do
    with the label, its state follows once that has ended.

    Returns:
        The label's state now; None for an item without a label, and one that is not known.
    """
    item = connection.execute(
        "SELECT diverted_at, state, closed_at FROM items LEFT JOIN labels USING (item_id) "
        "WHERE item_id = ?",
        (item_id,),
    ).fetchone()
    if item is None:
        return None
    diverted_at, before, closed_at = item
    if after == "diverted":
        if diverted_at is None:
            connection.execute("UPDATE items SET diverted_at = ? WHERE item_id = ?", (at, item_id))
            if not _settle_divert(connection, item_id, at, detail):
                add_history(connection, item_id, at, "diverted", detail)
    elif before is not None and closed_at is not None and after in TRANSITIONS[before]:
        _move(connection, item_id, after, at, detail)
    return _state_of(connection, item_id)


def write_void(
    connection: sqlite3.Connection, item_id: str, at: float, reason: str, who: str
) -> LabelState | None:
    """Declares an item's label void, once; only when the printer has done with it.

    Returns:
        The label's state now; None for an item without a label, and one that is not known.
    """
    label = connection.execute(
        "SELECT state, closed_at, attempt, serial FROM labels JOIN items USING (item_id) "
        "WHERE item_id = ?",
        (item_id,),
    ).fetchone()
    if label is None:
        return None
    before, closed_at, attempt, serial = label
    if (
        closed_at is not None
        and "voided" in TRANSITIONS[before]
        and not is_void(connection, item_id)
    ):
        connection.execute(
            "INSERT INTO voids VALUES (?, ?, ?, ?, ?, ?)",
            (item_id, attempt, serial, at, who, reason),
        )
        _move(connection, item_id, "voided", at, f"serial {serial}, by {who}: {reason}")
    return _state_of(connection, item_id)


def is_void(connection: sqlite3.Connection, item_id: str) -> bool:
    """Whether an item's latest label has been declared void."""
    found = connection.execute(
        "SELECT 1 FROM voids JOIN labels USING (item_id, attempt) WHERE item_id = ?", (item_id,)
    ).fetchone()
    return found is not None


def write_closed(connection: sqlite3.Connection, item_id: str, at: float, detail: str) -> None:
    """Closes a label that stays unknown: no evidence of it will come any more."""
    connection.execute("UPDATE labels SET closed_at = ? WHERE item_id = ?", (at, item_id))
    add_history(connection, item_id, at, "label closed", detail)
    _settle_divert(connection, item_id, at)


def print_state(connection: sqlite3.Connection, item_id: str) -> PrintState | None:
    """How far an item's latest label came at the printer; None for an item without one."""
    (state,) = connection.execute(
        f"SELECT {PRINT_STATE_SQL} FROM items WHERE item_id = ?", (item_id,)
    ).fetchone() or (None,)
    return state


def _move(
    connection: sqlite3.Connection, item_id: str, after: LabelState, at: float, detail: str
) -> None:
    closed_at = at if after in SETTLED else None
    connection.execute(
        "UPDATE labels SET state = ?, closed_at = coalesce(closed_at, ?) WHERE item_id = ?",
        (after, closed_at, item_id),
    )
    add_history(connection, item_id, at, f"label {after}", detail)


def _settle_divert(
    connection: sqlite3.Connection, item_id: str, at: float, detail: str = ""
) -> bool:
    """Moves a label whose item was diverted there; False where it is not time for that."""
    found = connection.execute(
        "SELECT state FROM labels JOIN items USING (item_id) "
        "WHERE item_id = ? AND closed_at IS NOT NULL AND diverted_at IS NOT NULL",
        (item_id,),
    ).fetchone()
    if found is None or "diverted" not in TRANSITIONS[found[0]]:
        return False
    _move(connection, item_id, "diverted", at, detail)
    return True


def _state_of(connection: sqlite3.Connection, item_id: str) -> LabelState | None:
    found = connection.execute("SELECT state FROM labels WHERE item_id = ?", (item_id,)).fetchone()
    return None if found is None else found[0]
