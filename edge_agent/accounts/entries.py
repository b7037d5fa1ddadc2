"""Reads from the journal what a period's accounts are made of. What it amounts to is `books`'."""

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from beltmark.contract.errors import InputError
from edge_agent.accounts.books import Books, ItemEntry, SendEntry, balance
from edge_agent.printing.schema import PRINT_STATE_SQL, open_for_reading

_ITEMS: Final = """
SELECT outcome, labels.state, labels.item_id IS NULL OR closed_at IS NOT NULL,
    {print_state}, {copies},
    (SELECT count(*) FROM history
     WHERE history.item_id = items.item_id AND what = 'label printed'),
    EXISTS (SELECT * FROM history
     WHERE history.item_id = items.item_id AND what IN ('diverted', 'label diverted'))
FROM items LEFT JOIN labels USING (item_id) WHERE decided_at >= ? AND decided_at < ?
"""
# A label that was handed over again after proof that nothing came out of the first time counts
# twice here, as it should: the counter stood between the two.
_SENDS: Final = """
SELECT at, what, detail, item_id, {copies} FROM history JOIN labels USING (item_id)
WHERE item_id IN (
    SELECT item_id FROM history WHERE what = 'label sending' AND at >= ? AND at < ?
) AND what IN ('label sending', 'label sent', 'label queued', 'label late', 'label printed',
    'label unknown', 'label failed') ORDER BY step
"""
_NEXT: Final = """
SELECT at, detail FROM history WHERE what = 'label sending' AND at >= ? ORDER BY step LIMIT 100
"""
_AT_EYE: Final = """
SELECT item_id, EXISTS (SELECT * FROM at_eye WHERE at_eye.item_id = items.item_id
    AND what IN ('matched', 'joined', 'unseen'))
FROM items WHERE decided_at >= ? AND decided_at < ? ORDER BY decided_at
"""
_MOST_NAMED: Final = 5
_COUNTER: Final = re.compile(r"label counter (\d+)(?:; (\S+))?")


def read_books(path: Path, begin: float, end: float, *, has_photo_eye: bool = False) -> Books:
    """Makes the accounts of the items decided from `begin` until `end` (seconds since the epoch).

    Args:
        path: The journal; an agent may run on it meanwhile.
        begin: Begin of the period, included.
        end: Its end, not included.
        has_photo_eye: Whether the station has a photo-eye, whose count is held against it.

    Raises:
        InputError: The file is damaged or no journal.
    """
    connection = open_for_reading(path)
    if connection is None:
        return balance((), (), 0 if has_photo_eye else None)
    with contextlib.closing(connection):
        try:
            connection.execute("BEGIN")  # items and labels of one moment
            copies = _copies(connection)
            items = [
                ItemEntry(
                    outcome,
                    label,
                    is_closed=bool(closed),
                    printed=printed,
                    copies=each,
                    is_diverted=bool(diverted),
                    is_unknown=print_state == "unknown",
                )
                for outcome, label, closed, print_state, each, printed, diverted in (
                    connection.execute(
                        _ITEMS.format(copies=copies, print_state=PRINT_STATE_SQL), (begin, end)
                    )
                )
            ]
            sends = _sends(connection, copies, begin, end)
            photo_eye, untold = _at_eye(connection, begin, end) if has_photo_eye else (None, ())
        except sqlite3.Error as error:
            raise InputError(
                f"the journal cannot be read: {error}", "is this the right file?", file=path
            ) from None
    return balance(items, sends, photo_eye, untold)


def _at_eye(
    connection: sqlite3.Connection, begin: float, end: float
) -> tuple[int, tuple[str, ...]]:
    """How many of the items decided in a period the photo-eye told of, and the first others."""
    is_there = "SELECT count(*) FROM sqlite_master WHERE name = 'at_eye'"
    if not connection.execute(is_there).fetchone()[0]:
        return 0, ()  # a journal of before, which no agent of this version has opened yet
    items = connection.execute(_AT_EYE, (begin, end)).fetchall()
    untold = [item_id for item_id, is_told in items if not is_told]
    return len(items) - len(untold), tuple(untold[:_MOST_NAMED])


def _sends(
    connection: sqlite3.Connection, copies: str, begin: float, end: float
) -> list[SendEntry]:
    """Each time that a label was handed over, with what became of it."""
    sends: list[SendEntry] = []
    latest: dict[str, int] = {}
    for at, what, detail, item_id, ordered in connection.execute(
        _SENDS.format(copies=copies), (begin, end)
    ):
        if what == "label sending":
            if begin <= at < end:
                latest[item_id] = len(sends)
                counter, printer = _counter_of(detail)
                sends.append(SendEntry(at, counter, None, ordered, printer))
            else:
                latest.pop(item_id, None)
            continue
        index = latest.get(item_id)
        if index is None:
            continue
        send = sends[index]
        if what == "label printed":
            sends[index] = replace(send, printed=True)
        elif what in ("label queued", "label late", "label failed") and not send.printed:
            # After one that came out, this is the next label for the same item.
            sends[index] = replace(send, printed=False)
    return [*sends, *_next(connection, end, {send.printer for send in sends})]


def _next(connection: sqlite3.Connection, end: float, printers: set[str]) -> Iterator[SendEntry]:
    """The first label after the period at each of the printers: its counter closes the books.

    So what comes out between two shifts stands in the books of the one before, and in no other.
    """
    for at, detail in connection.execute(_NEXT, (end,)):
        counter, printer = _counter_of(detail)
        if counter is not None and printer in printers:
            printers = printers - {printer}
            yield SendEntry(at, counter, None, 1, printer)


def _counter_of(detail: str) -> tuple[int | None, str]:
    """What stood on the printer's counter before a label, and which printer that was."""
    found = _COUNTER.match(detail)
    return (int(found[1]), found[2] or "") if found else (None, "")


def _copies(connection: sqlite3.Connection) -> str:
    """Where a label's number of copies stands; a journal of before has none, and one each."""
    columns = [row[1] for row in connection.execute("PRAGMA table_info(labels)")]
    return "coalesce(labels.copies, 1)" if "copies" in columns else "1"
