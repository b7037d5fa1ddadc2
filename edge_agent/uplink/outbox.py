"""The outbox: numbered records that wait, on disk, until the server has committed them.

A sequence is given once and for ever within a stream; a new file is a new stream. Nothing but the
server's own word deletes a record. What the records say is left to `telemetry` and `journal_tail`,
sending them to `link`. Owned by one thread.
"""

import contextlib
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from pydantic import BaseModel

from beltmark.contract.messages import MAX_BATCH_RECORDS, Record, RecordKind, SequenceRange

logger = logging.getLogger(__name__)

MAX_BATCH_BYTES: Final = 48 * 1024
MAX_BODY_BYTES: Final = 16 * 1024
_FULL_SHARE: Final = 0.9
_WRITER_TIMEOUT_S: Final = 1.0
_DROPPED_AT_ONCE: Final = 500
_SCHEMA_VERSION: Final = 1

# What may be dropped when there is no room, dearest last; an `item` record never is.
_EXPENDABLE: Final[tuple[RecordKind, ...]] = ("counters", "health", "update")

_TABLES = """
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    at REAL NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX records_by_kind ON records (kind, sequence);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


class OutboxUnavailable(Exception):  # noqa: N818 - the state's own name
    """Nothing can be read or written at the moment; what was to be written is not in it."""


@dataclass(frozen=True)
class NewRecord:
    """A record that has no number yet.

    Attributes:
        kind: What the body is.
        at: When it happened, in seconds since the epoch.
        body: See `beltmark.contract.messages`.
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
        clock: Seconds since the epoch.

    Attributes:
        stream: Identity of its stream.
        set_aside: Where a damaged file was moved to, if there was one.

    Raises:
        OutboxUnavailable: It cannot be opened at the moment.
    """

    def __init__(self, path: Path, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self._path, self._max_bytes, self._clock = path, max_bytes, clock
        self.set_aside: Path | None = None
        self._session = 0
        try:
            self._connection = _open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise OutboxUnavailable(str(error)) from None
            self.set_aside = self._move_away(error)
            try:
                self._connection = _open(path)
            except sqlite3.Error as again:
                raise OutboxUnavailable(str(again)) from None
        except OSError as error:
            raise OutboxUnavailable(str(error)) from None
        page_bytes = self._number("PRAGMA page_size")
        self._connection.execute(f"PRAGMA max_page_count={max(64, max_bytes // page_bytes)}")
        self._page_bytes = page_bytes
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
        return used * self._page_bytes > _FULL_SHARE * self._max_bytes

    def append(self, records: Sequence[NewRecord], cursor: Cursor | None = None) -> int:
        """Numbers and keeps records, all or none, together with how far the journal was read.

        Where there is no room, older expendable records make some; if none is left, expendable
        new ones are passed over.

        Returns:
            How many are kept.

        Raises:
            OutboxUnavailable: The disk takes nothing, or there is no room for items.
        """
        if self.is_full:
            self._make_room()
        if self.is_full:
            if any(record.kind not in _EXPENDABLE for record in records):
                raise OutboxUnavailable("it is full, and the server takes nothing")
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
        taken: list[tuple[int, str, float, str]] = []
        size = 0
        for row in rows:
            size += len(row[3].encode()) + 100
            if taken and size > MAX_BATCH_BYTES:
                break
            taken.append(row)
        is_all = len(taken) == len(rows) < MAX_BATCH_RECORDS
        last = self.newest if is_all else taken[-1][0]
        return Waiting(
            tuple(
                Record(sequence=number, kind=kind, at=at, body=json.loads(body))
                for number, kind, at, body in taken
            ),
            holes(sequence, [row[0] for row in taken], last),
            max(last, sequence),
        )

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

    def _move_away(self, error: sqlite3.DatabaseError) -> Path:
        """Keeps a damaged file for people to look at."""
        target = self._path.with_name(f"{self._path.name}.damaged-{int(self._clock())}")
        logger.error("%s: damaged (%s): kept as %s", self._path, error, target.name)
        try:
            self._path.rename(target)
            for ending in ("-wal", "-shm"):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        except OSError as refusal:
            raise OutboxUnavailable(f"{error}, and cannot be moved: {refusal}") from None
        return target

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
            raise OutboxUnavailable(str(error)) from None

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
            raise OutboxUnavailable(str(error)) from None
        return result


def holes(after: int, sequences: Sequence[int], last: int) -> tuple[SequenceRange, ...]:
    """Returns the ranges between `after` and `last` (included) that are not in `sequences`."""
    found, expected = [], after + 1
    for sequence in (*sequences, last + 1):
        if sequence > expected:
            found.append(SequenceRange(first=expected, last=sequence - 1))
        expected = sequence + 1
    return tuple(found)


def _text(body: BaseModel) -> str:
    """A body as JSON that every reader takes: bounded, and without NUL, which databases refuse."""
    data = _cleaned(body.model_dump(mode="json", exclude_none=True))
    text = json.dumps(data, ensure_ascii=False)
    if len(text.encode()) > MAX_BODY_BYTES:
        raise ValueError(f"a record of {len(text)} characters")
    return text


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, Mapping):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value


def _open(path: Path) -> sqlite3.Connection:
    """Opens the database, making it where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path, timeout=_WRITER_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_size_limit=1048576")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            connection.executescript(
                f"BEGIN IMMEDIATE; {_TABLES} "
                f"INSERT INTO facts VALUES ('stream', '{uuid4().hex}'); "
                f"PRAGMA user_version={_SCHEMA_VERSION}; COMMIT;"
            )
        elif version != _SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"version {version} of an outbox is not known here")
        (told,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if told != "ok":
            raise sqlite3.DatabaseError(told)
    except BaseException:
        connection.close()
        raise
    return connection
