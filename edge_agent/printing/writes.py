"""The journal's writes in SQL, each to run inside one transaction of the journal's owner.

Those of a label's steps are in `label_writes`.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from edge_agent.printing.numbers import NoNumbers, take_numbers
from edge_agent.printing.records import ItemDecision, LabelItem, LastSeen
from edge_agent.printing.weighed import weighing_text
from edge_agent.station.items import EyePass


class WriteRefused(Exception):  # noqa: N818 - what is written stays as it is
    """A write that what is written already does not allow; it leaves no trace."""


class AlreadyDecided(WriteRefused):
    """One item, one decision."""


def write_decision(
    connection: sqlite3.Connection, station: str, new: ItemDecision, *, is_leased: bool = False
) -> LabelItem | None:
    """Writes an item's decision; with PRINT also its label and serial, and returns what it says.

    Where the station has no number for the label, the item goes to a person.

    Args:
        connection: The journal.
        station: Name of the station.
        new: The decision.
        is_leased: Whether labels are numbered in ranges that the fleet's server gave.
    """
    decision, serial, sscc = new.decision, None, None
    if decision.outcome == "PRINT" and decision.product is not None:
        with_sscc = new.layout is not None and new.layout.names_sscc
        try:
            serial, sscc = take_numbers(
                connection, decision.product.gtin14, is_leased=is_leased, with_sscc=with_sscc
            )
        except NoNumbers as lack:
            decision = replace(
                decision,
                outcome="REVIEW",
                rule="no_serials",
                reason=str(lack),
                product=None,
                line=None,
            )
    product = decision.product
    try:
        connection.execute(
            "INSERT INTO items (item_id, station, decided_at, outcome, rule, reason, class_name, "
            "probability, sku, gtin, serial, x_px, y_px, captured_at, release, package_sha256, "
            "evidence, sscc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
                sscc,
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
    if (line := decision.line) is not None:
        connection.execute(
            "INSERT INTO order_items VALUES (?, ?, ?)", (new.item_id, line.order_id, line.key)
        )
    told = f"serial {serial}" if sscc is None else f"serial {serial}, SSCC {sscc}"
    add_history(connection, new.item_id, new.decided_at, "label decided", told)
    return LabelItem(new.item_id, serial, station, new.decided_at, decision.class_name or "", sscc)


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


def write_at_eye(connection: sqlite3.Connection, passes: Sequence[EyePass]) -> None:
    """Adds what the photo-eye told of items."""
    connection.executemany(
        "INSERT INTO at_eye VALUES (?, ?, ?)", [(p.at, p.what, p.item_id) for p in passes]
    )


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


def add_history(
    connection: sqlite3.Connection, item_id: str, at: float, what: str, detail: str
) -> None:
    """Adds a line to what happened to an item."""
    connection.execute(
        "INSERT INTO history (item_id, at, what, detail) VALUES (?, ?, ?, ?)",
        (item_id, at, what, detail),
    )
