"""What a person does about an item's label, in SQL, each inside one transaction of the journal."""

import sqlite3
from dataclasses import dataclass

from beltmark.contract.catalogue import Product
from beltmark.contract.layout import Layout
from edge_agent.printing.label_writes import is_void, print_state, write_confirmed, write_void
from edge_agent.printing.numbers import NoNumbers, take_numbers
from edge_agent.printing.records import LabelItem
from edge_agent.printing.states import SURELY_NOT_OUT
from edge_agent.printing.weighed import BY_HAND
from edge_agent.printing.writes import WriteRefused, add_history, write_review
from edge_agent.station.expected import OrderLine


class HandRefused(WriteRefused):
    """The journal says that this is not to be done; `mend` says what is to be done first."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(problem)
        self.problem, self.mend = problem, mend


@dataclass(frozen=True)
class HandOrder:
    """A label that a person orders into their hand.

    Attributes:
        item_id: The item that it is for.
        product: What the person says that it is.
        layout: How it is drawn.
        who: The person.
        at: Seconds since the epoch.
        line: The line of the order that it takes one of, if there is one.
    """

    item_id: str
    product: Product
    layout: Layout
    who: str
    at: float
    line: OrderLine | None = None


def write_hand_order(
    connection: sqlite3.Connection, order: HandOrder, *, is_leased: bool
) -> LabelItem:
    """Writes that a person labels an item: one more print intent, with a serial of its own.

    An item that has a label gets no other one before that is void; one that surely never came out
    is declared void by the way.

    Args:
        connection: The journal.
        order: What is ordered.
        is_leased: Whether labels are numbered in ranges that the fleet's server gave.

    Raises:
        HandRefused: There is no such item, it has a label, or the station has no number for one.
    """
    item_id, product, who, at = order.item_id, order.product, order.who, order.at
    found = connection.execute(
        "SELECT station, class_name, labels.state, closed_at, attempt "
        "FROM items LEFT JOIN labels USING (item_id) WHERE item_id = ?",
        (item_id,),
    ).fetchone()
    if found is None:
        raise _unknown(item_id)
    station, class_name, state, closed_at, attempt = found
    if state is not None and closed_at is None:
        raise HandRefused(f"the label of item {item_id} is on its way", "wait what becomes of it")
    if state is not None and not is_void(connection, item_id):
        if print_state(connection, item_id) not in SURELY_NOT_OUT:
            raise HandRefused(
                f"item {item_id} has a label that is not void ({state})",
                f"take it off, then: beltmark-edge void STATION.toml {item_id} --reason …",
            )
        write_void(connection, item_id, at, "it never came out", who)
    try:
        serial, sscc = take_numbers(
            connection, product.gtin14, is_leased=is_leased, with_sscc=order.layout.names_sscc
        )
    except NoNumbers as lack:
        raise HandRefused(str(lack), "let the station reach its server") from None
    connection.execute(
        "UPDATE items SET outcome = 'PRINT', rule = ?, reason = ?, sku = ?, gtin = ?, serial = ?, "
        "sscc = ?, diverted_at = NULL, seen_to_at = ? WHERE item_id = ?",
        (BY_HAND, f"labelled by {who}", product.sku, product.gtin14, serial, sscc, at, item_id),
    )
    connection.execute(
        "INSERT INTO labels (item_id, state, copies, for_person) VALUES (?, 'decided', ?, ?) "
        "ON CONFLICT (item_id) DO UPDATE SET state = 'decided', baseline = NULL, closed_at = NULL, "
        "copies = excluded.copies, attempt = attempt + 1, for_person = excluded.for_person, "
        "taken_at = NULL, printer = NULL",
        (item_id, product.copies, who),
    )
    connection.execute("DELETE FROM order_items WHERE item_id = ?", (item_id,))
    if (line := order.line) is not None:
        connection.execute(
            "INSERT INTO order_items VALUES (?, ?, ?)", (item_id, line.order_id, line.key)
        )
    add_history(connection, item_id, at, "PRINT", f"labelled by {who} as {product.sku}")
    told = f"serial {serial}, label {(attempt or 0) + 1}, into the hand of {who}"
    add_history(connection, item_id, at, "label decided", told)
    return LabelItem(item_id, serial, station, at, class_name or product.class_name, sscc)


def write_hand_void(
    connection: sqlite3.Connection, item_id: str, reason: str, who: str, at: float
) -> None:
    """Writes that a label is void by a person's word; its item then has none.

    Raises:
        HandRefused: There is no such item, it has no label, or the printer may still have it.
    """
    found = connection.execute(
        "SELECT outcome, state FROM items LEFT JOIN labels USING (item_id) WHERE item_id = ?",
        (item_id,),
    ).fetchone()
    if found is None:
        raise _unknown(item_id)
    outcome, state = found
    if state is None:
        raise HandRefused(f"item {item_id} has no label", "there is nothing to declare void")
    write_void(connection, item_id, at, reason, who)
    if not is_void(connection, item_id):
        raise HandRefused(f"the label of item {item_id} is on its way", "wait what becomes of it")
    if outcome == "PRINT":
        write_review(connection, item_id, at, "label_void", f"its label is void: {reason}")


def write_taken(connection: sqlite3.Connection, item_id: str, who: str, at: float) -> None:
    """Writes that a person has the label that was printed for them: it is on the item.

    Of one that nobody knows of, it says only that nothing is left at the printer.
    """
    (state,) = connection.execute(
        "SELECT state FROM labels WHERE item_id = ?", (item_id,)
    ).fetchone()
    connection.execute("UPDATE labels SET taken_at = ? WHERE item_id = ?", (at, item_id))
    if state == "printed":
        write_confirmed(connection, item_id, "applied", at, f"by {who}")
    else:
        add_history(connection, item_id, at, "taken", f"by {who}")


def write_seen_to(connection: sqlite3.Connection, item_id: str, who: str, at: float) -> None:
    """Writes that a person has seen to an item without a label of ours.

    Raises:
        HandRefused: There is no such item.
    """
    changed = connection.execute(
        "UPDATE items SET seen_to_at = ? WHERE item_id = ?", (at, item_id)
    ).rowcount
    if not changed:
        raise _unknown(item_id)
    add_history(connection, item_id, at, "seen to", f"by {who}")


def _unknown(item_id: str) -> HandRefused:
    return HandRefused(f"no item {item_id}", "`beltmark-edge journal` lists the items")
