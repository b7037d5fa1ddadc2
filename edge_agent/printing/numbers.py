"""The journal's numbers in SQL: which serial and SSCC a label gets. One is never given twice.

A station on its own numbers each product's labels in the journal's own random series. One that
leases takes the next of the ranges that it holds; asking for more is left to `edge_agent.serials`.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from beltmark.contract.errors import InputError
from beltmark.contract.serials import NumberKind, NumberRange, number_text
from edge_agent.printing.schema import RANGES_SINCE, open_for_reading

NAMES: Final[dict[NumberKind, str]] = {"serial": "serials", "sscc": "SSCCs"}
RATE_OVER_S: Final = 3_600.0

_HELD: Final = """
SELECT kind, sum(last - next + 1), sum(next = first) FROM ranges WHERE next <= last GROUP BY kind
"""
_USED: Final = """
SELECT count(serial), count(sscc), min(decided_at) FROM items WHERE decided_at >= ?
"""


class NoNumbers(Exception):  # noqa: N818 - the state's own name
    """The station holds no number for this label; its text says why, for a person."""


@dataclass(frozen=True)
class HeldNumbers:
    """What a station holds of a kind.

    Attributes:
        kind: What they number.
        left: How many it may still give.
        untouched: Ranges of which it has given none yet.
        used: How many it gave lately.
        over_s: In which time; 0 where it gave none.
    """

    kind: NumberKind
    left: int = 0
    untouched: int = 0
    used: int = 0
    over_s: float = 0.0


def take_numbers(
    connection: sqlite3.Connection, gtin14: str, *, is_leased: bool, with_sscc: bool
) -> tuple[str, str | None]:
    """Returns a label's serial, and its SSCC where its layout asks for one.

    Raises:
        NoNumbers: One of them is not there, and then none is used; or bears a label already.
    """
    if not is_leased and with_sscc:
        raise NoNumbers("its layout asks for an SSCC, and this station leases none")
    if not is_leased:
        return _own_serial(connection, gtin14), None
    kinds: tuple[NumberKind, ...] = ("serial", "sscc") if with_sscc else ("serial",)
    found = {kind: _next_of(connection, kind) for kind in kinds}
    for kind, row in found.items():
        if row is None:
            raise NoNumbers(f"this station has no {NAMES[kind]} left")
    numbers: list[str] = []
    for kind, row in found.items():
        assert row is not None
        rowid, head, width, number = row
        connection.execute("UPDATE ranges SET next = next + 1 WHERE rowid = ?", (rowid,))
        numbers.append(number_text(kind, head, width, number))
    sscc = numbers[1] if with_sscc else None
    _check_is_new(connection, gtin14, numbers[0], sscc)
    return numbers[0], sscc


def begin_request(connection: sqlite3.Connection, kind: NumberKind, new: str) -> str:
    """Returns the identity under which a range is asked for: `new`, or one that waits already.

    It is kept before the question leaves, so that a reply that is lost costs no range.
    """
    name = f"{kind}_request"
    connection.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, new))
    (request,) = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return str(request)


def write_range(
    connection: sqlite3.Connection, given: NumberRange, request: str, at: float
) -> bool:
    """Keeps a range, once, and ends its request; returns False for one that it may have used.

    A server whose database was put back from a copy may give numbers again: those are not taken.
    """
    known, overlapping = connection.execute(
        "SELECT coalesce(max(request = ?), 0), count(*) FROM ranges "
        "WHERE kind = ? AND head = ? AND width = ? AND first <= ? AND last >= ?",
        (request, given.kind, given.head, given.width, given.last, given.first),
    ).fetchone()
    if not overlapping:
        connection.execute(
            "INSERT INTO ranges VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (given.kind, given.head, given.width, given.first, given.last, given.first, request,
             at),
        )  # fmt: skip
    connection.execute(
        "DELETE FROM facts WHERE name = ? AND value = ?", (f"{given.kind}_request", request)
    )
    return bool(known) or not overlapping


def read_held(path: Path, now: float) -> dict[NumberKind, HeldNumbers]:
    """Returns what a journal holds, and how fast it gives it; nothing where there is none yet.

    Raises:
        InputError: The file is damaged or no journal.
    """
    held: dict[NumberKind, HeldNumbers] = {kind: HeldNumbers(kind) for kind in NAMES}
    connection = open_for_reading(path)
    if connection is None:
        return held
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] < RANGES_SINCE:
            return held
        used = connection.execute(_USED, (now - RATE_OVER_S,)).fetchone()
        since = used[2]
        over_s = 0.0 if since is None else max(60.0, now - since)
        levels = {kind: (left, untouched) for kind, left, untouched in connection.execute(_HELD)}
    except sqlite3.Error as error:
        raise InputError(
            f"the journal cannot be read: {error}", "is this the right file?", file=path
        ) from None
    finally:
        connection.close()
    for number, kind in enumerate(held):
        left, untouched = levels.get(kind, (0, 0))
        held[kind] = HeldNumbers(kind, left, untouched, used[number], over_s)
    return held


def _own_serial(connection: sqlite3.Connection, gtin14: str) -> str:
    (series,) = connection.execute(
        "SELECT value FROM facts WHERE name = 'serial_series'"
    ).fetchone()
    (number,) = connection.execute(
        "INSERT INTO serials VALUES (?, 1) "
        "ON CONFLICT (gtin) DO UPDATE SET issued = issued + 1 RETURNING issued",
        (gtin14,),
    ).fetchone()
    return f"{series}{number:07d}"


def _check_is_new(
    connection: sqlite3.Connection, gtin14: str, serial: str, sscc: str | None
) -> None:
    """Raises NoNumbers where a label bears the number: it was leased twice, under other heads."""
    found = connection.execute(
        "SELECT item_id FROM items WHERE (gtin = ? AND serial = ?) OR sscc = ?",
        (gtin14, serial, sscc),
    ).fetchone()
    if found is not None:
        raise NoNumbers(f"number {sscc or serial} was given before: item {found[0]}")


def _next_of(connection: sqlite3.Connection, kind: NumberKind) -> tuple[int, str, int, int] | None:
    found: tuple[int, str, int, int] | None = connection.execute(
        "SELECT rowid, head, width, next FROM ranges WHERE kind = ? AND next <= last "
        "ORDER BY rowid LIMIT 1",
        (kind,),
    ).fetchone()
    return found
