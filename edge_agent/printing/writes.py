"""The journal's writes in SQL, each to run inside one transaction of the journal's owner.

Those of a label's steps are in `label_writes`.
"""

import sqlite3
from collections.abc import Sequence

from edge_agent.printing.records import ItemDecision, LabelItem, LastSeen
from edge_agent.printing.weighed import weighing_text


class AlreadyDecided(Exception):  # noqa: N818 - it is a mistake of this program, not of input
    """One item, one decision."""


def write_decision(
    connection: sqlite3.Connection, station: str, new: ItemDecision
) -> LabelItem | None:
    """Writes an item's decision; with PRINT also its label and serial, and returns what it says."""
    decision, product = new.decision, new.decision.product
    prints = decision.outcome == "PRINT" and product is not None
    serial = next_serial(connection, product.gtin14) if prints and product else None
    try:
        connection.execute(
            "INSERT INTO items (item_id, station, decided_at, outcome, rule, reason, class_name, "
            "probability, sku, gtin, serial, x_px, y_px, captured_at, release, package_sha256, "
            "evidence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    add_history(connection, new.item_id, new.decided_at, decision.outcome, decision.reason)
    if serial is None:
        return None
    connection.execute(
        "INSERT INTO labels (item_id, state, copies) VALUES (?, 'decided', ?)",
        (new.item_id, product.copies if product else 1),
    )
    add_history(connection, new.item_id, new.decided_at, "label decided", f"serial {serial}")
    return LabelItem(new.item_id, serial, station, new.decided_at, decision.class_name or "")


def write_review(
    connection: sqlite3.Connection, item_id: str, at: float, rule: str, reason: str
) -> None:
    """Turns an item's outcome into REVIEW."""
    connection.execute(
        "UPDATE items SET outcome = 'REVIEW', rule = ?, reason = ? WHERE item_id = ?",
        (rule, reason, item_id),
    )
    add_history(connection, item_id, at, "REVIEW", reason)


def write_note(
    connection: sqlite3.Connection, item_id: str, at: float, what: str, detail: str
) -> None:
    """Adds a line to an item's history; one that is not known has none."""
    known = connection.execute("SELECT 1 FROM items WHERE item_id = ?", (item_id,)).fetchone()
    if known is not None:
        add_history(connection, item_id, at, what, detail)


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


def next_serial(connection: sqlite3.Connection, gtin14: str) -> str:
    """Takes the next serial of a GTIN."""
    (series,) = connection.execute(
        "SELECT value FROM facts WHERE name = 'serial_series'"
    ).fetchone()
    (number,) = connection.execute(
        "INSERT INTO serials VALUES (?, 1) "
        "ON CONFLICT (gtin) DO UPDATE SET issued = issued + 1 RETURNING issued",
        (gtin14,),
    ).fetchone()
    return f"{series}{number:07d}"


def add_history(
    connection: sqlite3.Connection, item_id: str, at: float, what: str, detail: str
) -> None:
    """Adds a line to what happened to an item."""
    connection.execute(
        "INSERT INTO history (item_id, at, what, detail) VALUES (?, ?, ?, ?)",
        (item_id, at, what, detail),
    )
