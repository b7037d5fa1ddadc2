"""The outbox's file: its tables, opening it, and setting a damaged one aside.

What is written there is left to `outbox`.
"""

import logging
import sqlite3
from pathlib import Path
from typing import Final
from uuid import uuid4

logger = logging.getLogger(__name__)

_SCHEMA_VERSION: Final = 1
_TIMEOUT_S: Final = 1.0
# SQLite's primary result codes: a file that is not what it should be, one that is out of reach.
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BROKEN: Final = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)

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


class OutboxFull(OutboxUnavailable):
    """There is no room: neither in it nor, perhaps, on the disk."""


class OutboxBroken(OutboxUnavailable):
    """The file is out of reach; it may be there again when it is opened anew."""


class OutboxDamaged(OutboxBroken):
    """The file holds something else than an outbox; when it is opened anew, it is set aside."""


def unavailable(error: sqlite3.Error) -> OutboxUnavailable:
    """Makes of SQLite's error what can be done about it."""
    # Extended codes have the primary one in their lowest byte.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return OutboxFull(str(error))
    if code in _DAMAGED:
        return OutboxDamaged(str(error))
    return OutboxBroken(str(error)) if code in _BROKEN else OutboxUnavailable(str(error))


def open_outbox_file(path: Path, max_bytes: int) -> tuple[sqlite3.Connection, Path | None]:
    """Opens the database, making it where there is none; each commit reaches the disk.

    Args:
        path: The file.
        max_bytes: Disk that it may take, with its write-ahead log.

    Returns:
        The connection, and where a damaged file was moved to, if there was one.

    Raises:
        OutboxUnavailable: It cannot be opened at the moment.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _open(path, max_bytes), None
        except OutboxDamaged as error:
            target = _set_aside(path, error)
            return _open(path, max_bytes), target
    except OSError as error:
        raise OutboxBroken(f"{path}: {error.strerror}") from None


def _open(path: Path, max_bytes: int) -> sqlite3.Connection:
    connection = None
    try:
        connection = sqlite3.connect(path, timeout=_TIMEOUT_S, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        _bound(connection, max_bytes)
        _prepare(connection)
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise unavailable(error) from None
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return connection


def _bound(connection: sqlite3.Connection, max_bytes: int) -> None:
    """Shares the disk between the file and its write-ahead log."""
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    log_bytes = min(max_bytes // 4, 4 * 1024 * 1024)
    connection.execute(f"PRAGMA wal_autocheckpoint={max(8, log_bytes // page_bytes // 2)}")
    connection.execute(f"PRAGMA journal_size_limit={log_bytes}")
    connection.execute(f"PRAGMA max_page_count={max(64, (max_bytes - log_bytes) // page_bytes)}")


def _prepare(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise OutboxDamaged("it is no outbox")
        connection.executescript(
            f"BEGIN IMMEDIATE; {_TABLES} "
            f"INSERT INTO facts VALUES ('stream', '{uuid4().hex}'); "
            f"PRAGMA user_version={_SCHEMA_VERSION}; COMMIT;"
        )
    elif version != _SCHEMA_VERSION:
        raise OutboxDamaged(f"version {version} of an outbox is not known here")
    (told,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if told != "ok":
        raise OutboxDamaged(told)


def _set_aside(path: Path, error: Exception) -> Path:
    """Keeps a damaged file for people to look at: the latest one, for disks are bounded."""
    target = path.with_name(f"{path.name}.damaged")
    logger.error("%s: damaged (%s): kept as %s; a new one begins", path, error, target.name)
    path.replace(target)
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    return target
