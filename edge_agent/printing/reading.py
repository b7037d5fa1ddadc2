"""Reads the journal: the items for people, and what an agent must know when it starts."""

import contextlib
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from beltmark.contract.errors import InputError
from beltmark.contract.records import ItemMessage
from edge_agent.printing.at_applicator import label_left_there
from edge_agent.printing.records import LastSeen, OpenLabel, Place
from edge_agent.printing.schema import PRINT_STATE_SQL, open_for_reading
from edge_agent.printing.states import SURELY_NOT_OUT
from edge_agent.printing.weighed import candidates_of, order_of, read_weighing
from edge_agent.station.weighing import Weighing

# An item leaves its station within this time.
_LATELY_S = 10.0

# All of an item, of whichever version its journal is: a column that is missing there reads as NULL.
_ITEM = f"""
SELECT items.*, labels.state AS label_state, {PRINT_STATE_SQL} AS print_state
FROM items LEFT JOIN labels USING (item_id)
"""
_NEWEST = "ORDER BY decided_at DESC, items.rowid DESC LIMIT ?"
_NAMED = "WHERE substr(items.item_id, 1, length(?)) = ? ORDER BY items.item_id LIMIT ?"
_UNSEEN = """
WHERE outcome != 'PRINT' AND seen_to_at IS NULL
AND decided_at >= (SELECT max(decided_at) FROM items) - ?
"""
_UNSEEN_S = 86_400.0
_MOST_NAMED = 4
LAST = "last"
"""Names the newest item."""


@dataclass(frozen=True)
class HistoryStep:
    """One thing that happened to an item."""

    at: float
    what: str
    detail: str


@dataclass(frozen=True)
class ItemRecord:
    """All that the journal holds of one item.

    Attributes:
        item: Its outcome, as it stands now.
        place: Where it was last seen before its decision.
        weighing: What the decision was weighed by; None where that was not recorded.
        history: What happened to it, in order.
    """

    item: ItemMessage
    place: Place
    weighing: Weighing | None
    history: tuple[HistoryStep, ...]


@dataclass(frozen=True)
class Recollection:
    """What an earlier run left.

    Attributes:
        last_seen: Items that were in the zone.
        open_labels: Labels without a known end.
        reviewed_lately: Items that went to a person shortly before, and are not confirmed to be off
            the belt; their diverts may be lost.
        belt_speed_px_s: Speed of the belt as it was then known.
        at_applicator: Item whose label came out last, if nobody has said what became of it.
        has_rebooted: The computer has started anew since then. Positions do not wait for the disk,
            so if it had lost its power, the latest of them are lost.
        serial_series: What every serial that this journal gives begins with.
        in_hand: Item whose label was printed for a person who has not said that it is taken.
    """

    last_seen: tuple[LastSeen, ...] = ()
    open_labels: tuple[OpenLabel, ...] = ()
    reviewed_lately: tuple[tuple[str, Place], ...] = ()
    belt_speed_px_s: float | None = None
    at_applicator: str | None = None
    has_rebooted: bool = False
    serial_series: str = ""
    in_hand: str | None = None

    @property
    def left_at_applicator(self) -> tuple[str | None, Place | None]:
        """That item, and where it is if it was still in the zone.

        A person's label is no matter of the applicator's: that person takes it.
        """
        if self.at_applicator == self.in_hand:
            return None, None
        places = {item.item_id: item.place for item in self.last_seen}
        return self.at_applicator, places.get(self.at_applicator or "")


def read_items(path: Path, limit: int = 1_000) -> list[ItemMessage]:
    """Returns the latest items, oldest first; none where no agent has run yet.

    Raises:
        InputError: The file is damaged or no journal.
    """
    rows = _read(path, _ITEM + _NEWEST, (limit,))
    return [_message(row) for row in reversed(rows)]


def read_unseen(path: Path, limit: int) -> list[ItemMessage]:
    """Returns items that are for a person, and that none has seen to, oldest first.

    Of those that went so in the last day the newest; what lies for longer has found its way.

    Raises:
        InputError: The file is damaged or no journal.
    """
    rows = _read(path, f"{_ITEM} {_UNSEEN} {_NEWEST}", (_UNSEEN_S, limit))
    return [_message(row) for row in reversed(rows)]


def count_unseen(path: Path) -> int:
    """Returns how many such items there are.

    Raises:
        InputError: The file is damaged or no journal.
    """
    rows = _read(path, f"SELECT count(*) FROM items {_UNSEEN}", (_UNSEEN_S,))
    return rows[0][0] if rows else 0


def read_item(path: Path, name: str) -> ItemRecord:
    """Returns one item with all that is known of it.

    Args:
        path: The journal.
        name: Its identity, the beginning of it, or `last`.

    Raises:
        InputError: There is no such item, or more than one; the file is damaged or no journal.
    """
    if name == LAST:
        rows = _read(path, _ITEM + _NEWEST, (1,))
    else:
        rows = _read(path, _ITEM + _NAMED, (name, name, _MOST_NAMED))
        rows = [row for row in rows if row["item_id"] == name] or rows
    if not rows:
        told = "no item yet" if name == LAST else f"no item {name}"
        raise InputError(told, "`beltmark-edge journal` lists the items", file=path)
    if len(rows) > 1:
        listed = ", ".join(row["item_id"] for row in rows[: _MOST_NAMED - 1])
        more = ", …" if len(rows) == _MOST_NAMED else ""
        raise InputError(
            f"several items begin with {name}: {listed}{more}", "write more of it", file=path
        )
    row = dict(rows[0])
    place = Place(row["x_px"], row["y_px"], row["captured_at"])
    history = tuple(read_history(path, row["item_id"]))
    return ItemRecord(_message(rows[0]), place, read_weighing(row.get("evidence")), history)


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
        OpenLabel(item_id, state, baseline, None if person else Place(x, y, at), *rest)
        for item_id, state, baseline, person, x, y, at, *rest in connection.execute(
            "SELECT item_id, state, baseline, for_person, x_px, y_px, captured_at, "
            "outcome, copies, printer "
            "FROM labels JOIN items USING (item_id) WHERE closed_at IS NULL ORDER BY decided_at"
        )
    )
    reviewed_lately = tuple(
        (item_id, Place(x, y, at))
        for item_id, x, y, at in connection.execute(
            "SELECT item_id, x_px, y_px, captured_at FROM items LEFT JOIN labels USING (item_id) "
            "WHERE outcome <> 'PRINT' AND for_person IS NULL AND diverted_at IS NULL "
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
        at_applicator=label_left_there(connection),
        has_rebooted=facts.get("noted_in_boot") != boot,
        serial_series=facts.get("serial_series", ""),
        in_hand=_in_hand(connection),
    )


def _in_hand(connection: sqlite3.Connection) -> str | None:
    found = connection.execute(
        f"SELECT item_id, taken_at, labels.state, {PRINT_STATE_SQL} "
        "FROM history JOIN labels USING (item_id) JOIN items USING (item_id) "
        "WHERE for_person IS NOT NULL AND what = 'label decided' ORDER BY step DESC LIMIT 1"
    ).fetchone()
    if found is None:
        return None
    item_id, taken_at, state, print_state = found
    # Void or not, and wherever its item is: what came out lies at the printer until it is taken.
    is_gone = print_state in SURELY_NOT_OUT or state in ("applied", "verified")
    return None if is_gone or taken_at is not None else str(item_id)


def this_boot() -> str:
    """Returns which start of the computer this is: its name changes with each."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return f"unknown {time.time()}"  # never the same: nothing is taken for granted


def _message(row: sqlite3.Row) -> ItemMessage:
    item = dict(row)
    evidence = item.get("evidence")
    item["candidates"] = candidates_of(evidence)
    item |= order_of(evidence, item["rule"])
    return ItemMessage(**item)  # what the message does not name is ignored


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
