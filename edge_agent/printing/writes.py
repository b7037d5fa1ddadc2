"""The journal's writes in SQL, each to run inside one transaction of the journal's owner."""

import sqlite3
from collections.abc import Sequence

from beltmark.contract.messages import PrintState
from edge_agent.printing.records import ItemDecision, LabelItem, LastSeen
from edge_agent.printing.states import FINAL, check_transition
from edge_agent.printing.weighed import weighing_text


class AlreadyDecided(Exception):  # noqa: N818 - it is a mistake of this program, not of input
    """One item, one decision."""


def write_decision(
    connection: sqlite3.Connection, station: str, new: ItemDecision
) -> LabelItem | None:
    """Writes an item's decision; with PRINT also its label and serial, and returns what it says."""
    decision, product = new.decision, new.decision.product
    prints = decision.outcome == "PRINT" and product is not None
    serial = _next_serial(connection, product.gtin14) if prints and product else None
    try:
        connection.execute(
            "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                new.item_id,
                station,
                new.decided_at,
                decision.outcome,
                decision.rule,
                decision.reason,
                decision.class_name,
                decision.probability,
                product.sku if product else None,
                product.gtin14 if product else None,
                serial,
                new.place.x_px,
                new.place.y_px,
                new.place.captured_at,
                new.release,
                new.package_sha256,
                None if decision.weighing is None else weighing_text(decision.weighing),
            ),
        )
    except sqlite3.IntegrityError as error:
        raise AlreadyDecided(f"item {new.item_id} has been decided already") from error
    _add_history(connection, new.item_id, new.decided_at, decision.outcome, decision.reason)
    if serial is None:
        return None
    connection.execute("INSERT INTO labels VALUES (?, 'decided', NULL, NULL)", (new.item_id,))
    _add_history(connection, new.item_id, new.decided_at, "label decided", f"serial {serial}")
    return LabelItem(new.item_id, serial, station, new.decided_at, decision.class_name or "")


def write_label_step(
    connection: sqlite3.Connection,
    item_id: str,
    after: PrintState,
    at: float,
    *,
    baseline: int | None = None,
    detail: str = "",
) -> None:
    """Moves a label on; a final state closes it."""
    (before,) = connection.execute(
        "SELECT state FROM labels WHERE item_id = ?", (item_id,)
    ).fetchone()
    check_transition(item_id, before, after)
    connection.execute(
        "UPDATE labels SET state = ?, baseline = coalesce(?, baseline), closed_at = ? "
        "WHERE item_id = ?",
        (after, baseline, at if after in FINAL else None, item_id),
    )
    told = detail if baseline is None else f"label counter {baseline}; {detail}".rstrip("; ")
    _add_history(connection, item_id, at, f"label {after}", told)


def write_review(
    connection: sqlite3.Connection, item_id: str, at: float, rule: str, reason: str
) -> None:
    """Turns an item's outcome into REVIEW."""
    connection.execute(
        "UPDATE items SET outcome = 'REVIEW', rule = ?, reason = ? WHERE item_id = ?",
        (rule, reason, item_id),
    )
    _add_history(connection, item_id, at, "REVIEW", reason)


def write_closed(connection: sqlite3.Connection, item_id: str, at: float, detail: str) -> None:
    """Closes a label that stays unknown: no evidence of it will come any more."""
    connection.execute("UPDATE labels SET closed_at = ? WHERE item_id = ?", (at, item_id))
    _add_history(connection, item_id, at, "label closed", detail)


def write_positions(
    connection: sqlite3.Connection,
    items: Sequence[LastSeen],
    speed_px_s: float | None,
    boot: str,
) -> None:
    """Replaces the positions of the items in the zone, and the belt's speed where it is known.

    Beside them stands the start of the computer in which they were seen.
    """
    connection.execute("DELETE FROM positions")
    connection.executemany(
        "INSERT INTO positions VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                item.item_id,
                item.place.x_px,
                item.place.y_px,
                item.place.captured_at,
                item.size_px,
                item.class_name,
            )
            for item in items
        ],
    )
    connection.execute("INSERT OR REPLACE INTO facts VALUES ('noted_in_boot', ?)", (boot,))
    if speed_px_s is not None:
        connection.execute(
            "INSERT OR REPLACE INTO facts VALUES ('belt_speed_px_s', ?)", (str(float(speed_px_s)),)
        )


def _next_serial(connection: sqlite3.Connection, gtin14: str) -> str:
    (series,) = connection.execute(
        "SELECT value FROM facts WHERE name = 'serial_series'"
    ).fetchone()
    (number,) = connection.execute(
        "INSERT INTO serials VALUES (?, 1) "
        "ON CONFLICT (gtin) DO UPDATE SET issued = issued + 1 RETURNING issued",
        (gtin14,),
    ).fetchone()
    return f"{series}{number:07d}"


def _add_history(
    connection: sqlite3.Connection, item_id: str, at: float, what: str, detail: str
) -> None:
    connection.execute(
        "INSERT INTO history (item_id, at, what, detail) VALUES (?, ?, ?, ?)",
        (item_id, at, what, detail),
    )
