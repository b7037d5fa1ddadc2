"""The outbox: numbered records that wait, on disk, until the server has committed them.

A sequence is given once and for ever within a stream; a new file is a new stream. Nothing but the
server's own word deletes a record. What the records say is left to `telemetry` and `journal_tail`,
sending them to `link`, the file to `outbox_file`. Owned by one thread.
"""

import contextlib
import json
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from beltmark.contract.messages import MAX_BATCH_RECORDS
from beltmark.contract.records import Record, SequenceRange
from beltmark.contract.terms import RecordKind
from edge_agent.uplink.outbox_file import (
    OutboxFull,
    OutboxUnavailable,
    open_outbox_file,
    unavailable,
)

logger = logging.getLogger(__name__)

MAX_BATCH_BYTES: Final = 48 * 1024
# What a record has beside its body, in a message.
_RECORD_BYTES: Final = 100
_FULL_SHARE: Final = 0.9
_DROPPED_AT_ONCE: Final = 500

# What may be dropped when there is no room, dearest last; an `item` record never is.
_EXPENDABLE: Final[tuple[RecordKind, ...]] = ("counters", "health", "update")


@dataclass(frozen=True)
class NewRecord:
    """A record that has no number yet.

    Attributes:
        kind: What the body is.
        at: When it happened, in seconds since the epoch.
        body: See `beltmark.contract.records`.
    """

    kind: RecordKind
    at: float
    body: BaseModel


@dataclass(frozen=True)
class Cursor:
    """How far a journal has been read.

    Attributes:
        series: The journal's identity.
        step: Its last step that is in the outbox.
    """

    series: str = ""
    step: int = 0


@dataclass(frozen=True)
class Waiting:
    """The next records to send.

    Attributes:
        records: In the order of their sequences.
        gone: Sequences among them that will never come.
        last: All sequences up to here are in `records` or in `gone`.
    """

    records: tuple[Record, ...]
    gone: tuple[SequenceRange, ...]
    last: int


class Outbox:
    """The outbox of one station.

    Args:
        path: The database file. A damaged one is set aside, and a new stream begins.
        max_bytes: Disk that it may take.

    Attributes:
        stream: Identity of its stream.
        set_aside: Where a damaged file was moved to, if there was one.

    Every call may raise `OutboxUnavailable`, and so may making one.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._session = 0
        self._connection, self.set_aside = open_outbox_file(path, max_bytes)
        self._max_pages = self._number("PRAGMA max_page_count")
        self.stream = self._fact("stream", "")

    def next_session(self) -> int:
        """Returns the number of a new connection; it only grows, over restarts as well.

        On a full disk it is not kept: a station must be able to say that its disk is full.
        """
        session = self._session = max(self._session, int(self._fact("session", "0"))) + 1
        with contextlib.suppress(OutboxUnavailable):
            self._write(lambda: self._set_fact("session", str(session)))
        return session

    @property
    def cursor(self) -> Cursor:
        """How far the journal has been read."""
        return Cursor(self._fact("journal_series", ""), int(self._fact("journal_step", "0")))

    @property
    def committed(self) -> int:
        """The last sequence that the server has committed with all before it; 0 for none."""
        return int(self._fact("committed", "0"))

    @property
    def newest(self) -> int:
        """The last sequence given; 0 for none."""
        return self._number("SELECT coalesce(max(seq), 0) FROM sqlite_sequence")

    @property
    def waiting(self) -> int:
        """Records that the server has not committed."""
        return self._number("SELECT count(*) FROM records")

    @property
    def dropped(self) -> int:
        """Records that were dropped in this stream, for want of room."""
        return int(self._fact("dropped", "0"))

    @property
    def is_full(self) -> bool:
        """Whether there is room only for what may not be lost."""
        used = self._number("PRAGMA page_count") - self._number("PRAGMA freelist_count")
        return used > _FULL_SHARE * self._max_pages

    def append(self, records: Sequence[NewRecord], cursor: Cursor | None = None) -> int:
        """Numbers and keeps records, all or none, together with how far the journal was read.

        Where there is no room, older expendable records make some; if none is left, expendable
        new ones are passed over.

        Returns:
            How many are kept.

        Raises:
            OutboxFull: There is no room for items.
            OutboxUnavailable: The disk takes nothing.
        """
        if self.is_full:
            self._make_room()
        if self.is_full:
            if any(record.kind not in _EXPENDABLE for record in records):
                raise OutboxFull("it is full, and the server takes nothing")
            records = ()
        rows = [(record.kind, record.at, _text(record.body)) for record in records]

        def apply() -> None:
            self._connection.executemany(
                "INSERT INTO records (kind, at, body) VALUES (?, ?, ?)", rows
            )
            if cursor is not None:
                self._set_fact("journal_series", cursor.series)
                self._set_fact("journal_step", str(cursor.step))

        self._write(apply)
        return len(rows)

    def after(self, sequence: int) -> Waiting:
        """Returns the records that follow a sequence, as many as fit into one message."""
        rows = self._read(
            "SELECT sequence, kind, at, body FROM records WHERE sequence > ? "
            "ORDER BY sequence LIMIT ?",
            (sequence, MAX_BATCH_RECORDS),
        )
        taken: list[Record] = []
        gone: list[SequenceRange] = []
        last, size = sequence, 0
        for row in rows:
            size += len(row[3].encode()) + _RECORD_BYTES
            if len(gone) == MAX_BATCH_RECORDS or (taken and size > MAX_BATCH_BYTES):
                return Waiting(tuple(taken), tuple(gone), last)
            if (record := _readable(*row)) is None:
                continue  # a hole, then: what nobody can read must not hold up the rest
            gone += holes(last, record.sequence)
            taken.append(record)
            last = record.sequence
        # Behind the last one that is there, there may be some that are not.
        end = self.newest if len(rows) < MAX_BATCH_RECORDS else rows[-1][0]
        if len(gone) < MAX_BATCH_RECORDS:
            gone += holes(last, end + 1)
            last = max(last, end)
        return Waiting(tuple(taken), tuple(gone), last)

    def settle(self, stream: str, sequence: int) -> bool:
        """The server has committed all up to `sequence`: those are deleted.

        Returns:
            False for a word that is not about this stream as it is; nothing is deleted then.
        """
        if stream != self.stream or not self.committed <= sequence <= self.newest:
            return False

        def apply() -> None:
            self._connection.execute("DELETE FROM records WHERE sequence <= ?", (sequence,))
            self._set_fact("committed", str(sequence))

        self._write(apply)
        return True

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()

    def _make_room(self) -> None:
        for kind in _EXPENDABLE:
            while self.is_full:
                count = self._write(lambda kind=kind: self._drop_oldest(kind))  # type: ignore[misc]
                if not count:
                    break
                logger.warning("outbox: no room, dropped %d records of %s", count, kind)

    def _drop_oldest(self, kind: RecordKind) -> int:
        count = self._connection.execute(
            "DELETE FROM records WHERE sequence IN "
            "(SELECT sequence FROM records WHERE kind = ? ORDER BY sequence LIMIT ?)",
            (kind, _DROPPED_AT_ONCE),
        ).rowcount
        self._set_fact("dropped", str(self.dropped + count))
        return count

    def _fact(self, name: str, missing: str) -> str:
        rows = self._read("SELECT value FROM facts WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else missing

    def _set_fact(self, name: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def _number(self, query: str) -> int:
        return int(self._read(query)[0][0])

    def _read(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        try:
            return self._connection.execute(query, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise unavailable(error) from None

    def _write(self, apply: Callable[[], Any]) -> Any:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = apply()
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise unavailable(error) from None
        return result


def holes(after: int, before: int) -> list[SequenceRange]:
    """Returns the range between two sequences, neither included: none, or one."""
    return [SequenceRange(first=after + 1, last=before - 1)] if before > after + 1 else []


def _readable(sequence: int, kind: str, at: float, body: str) -> Record | None:
    try:
        return Record(sequence=sequence, kind=kind, at=at, body=json.loads(body))
    except (ValueError, ValidationError, RecursionError) as error:
        logger.error("outbox: record %d cannot be read: %s", sequence, error)
        return None


def _text(body: BaseModel) -> str:
    """A body as JSON that every reader takes: without NUL, which databases refuse."""
    data = _cleaned(body.model_dump(mode="json", exclude_none=True))
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, Mapping):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value
