"""The journal's tables, and opening them. What is written there, and when, is left to `journal`."""

import contextlib
import secrets
import sqlite3
from pathlib import Path

from beltmark.contract.errors import InputError, UnknownVersionError
from edge_agent.printing.states import PRINT_STATES

SCHEMA_VERSION = 6
RANGES_SINCE = 4
"""The version from which a journal holds leased numbers."""

# What makes a journal of each earlier version into one of the next.
_VOIDS = """
-- Labels that a person or the station declared void; without that, an item gets no second one.
CREATE TABLE voids (
    item_id TEXT NOT NULL REFERENCES items,
    attempt INTEGER NOT NULL,
    serial TEXT NOT NULL,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (item_id, attempt)
) STRICT;
"""
# Numbers that the fleet's server gave to this journal alone; `next` only grows.
_RANGES = """
CREATE TABLE ranges (
    kind TEXT NOT NULL, -- serial, sscc
    head TEXT NOT NULL,
    width INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    next INTEGER NOT NULL,
    request TEXT NOT NULL UNIQUE,
    leased_at REAL NOT NULL
) STRICT;
CREATE INDEX open_ranges ON ranges (kind) WHERE next <= last;
CREATE UNIQUE INDEX items_by_sscc ON items (sscc) WHERE sscc IS NOT NULL;
"""
_AT_EYE = """
-- What the photo-eye told of items: see `station.items.EyeEvent`; rows are only ever added.
CREATE TABLE at_eye (at REAL NOT NULL, what TEXT NOT NULL, item_id TEXT NOT NULL) STRICT;
CREATE INDEX at_eye_by_item ON at_eye (item_id);
"""
# Items that took one of a line of the expected order: see `orders`.
_ORDER_ITEMS = """
CREATE TABLE order_items (
    item_id TEXT PRIMARY KEY REFERENCES items,
    order_id TEXT NOT NULL,
    line TEXT NOT NULL
) STRICT;
CREATE INDEX items_of_orders ON order_items (order_id, line);
"""
_MIGRATIONS = {
    1: "ALTER TABLE items ADD COLUMN evidence TEXT;",
    2: "ALTER TABLE items ADD COLUMN diverted_at REAL;"
    "ALTER TABLE items ADD COLUMN seen_to_at REAL;"
    "ALTER TABLE labels ADD COLUMN copies INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE labels ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE labels ADD COLUMN for_person TEXT;"
    "ALTER TABLE labels ADD COLUMN taken_at REAL;" + _VOIDS,
    3: "ALTER TABLE items ADD COLUMN sscc TEXT;" + _RANGES,
    4: "ALTER TABLE labels ADD COLUMN printer TEXT;" + _AT_EYE,
    5: _ORDER_ITEMS,
}

# A label's newest state of those that every version knows, see `states`; in a query that names the
# item `items`. Its history has it in journals of every version.
PRINT_STATE_SQL = (
    "(SELECT substr(what, 7) FROM history WHERE history.item_id = items.item_id AND what IN ("
    + ", ".join(f"'label {state}'" for state in PRINT_STATES)
    + ") ORDER BY step DESC LIMIT 1)"
)

# Nobody else writes; who holds the file nevertheless must not hold decisions for long.
_WRITER_TIMEOUT_S = 0.5
_READER_TIMEOUT_S = 5.0
# Each journal numbers its labels in a series of its own: a journal that is lost and made anew does
# not give a serial twice. Digits and capitals without look-alikes.
_SERIES_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SERIES_CHARACTERS = 6

_TABLES = f"""
CREATE TABLE items (
    item_id TEXT PRIMARY KEY,
    station TEXT NOT NULL,
    decided_at REAL NOT NULL,
    outcome TEXT NOT NULL,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    class_name TEXT,
    probability REAL,
    sku TEXT,
    gtin TEXT,
    serial TEXT,
    x_px REAL NOT NULL,
    y_px REAL NOT NULL,
    captured_at REAL NOT NULL,
    release TEXT NOT NULL,
    package_sha256 TEXT NOT NULL,
    evidence TEXT, -- JSON: see `weighed`; NULL where none was recorded
    diverted_at REAL, -- when it was confirmed to be off the belt
    seen_to_at REAL, -- when a person saw to it after its review
    sscc TEXT, -- of a logistic unit
    UNIQUE (gtin, serial)
) STRICT;
CREATE INDEX items_by_time ON items (decided_at);
CREATE TABLE labels (
    item_id TEXT PRIMARY KEY REFERENCES items,
    state TEXT NOT NULL,
    baseline INTEGER,
    closed_at REAL, -- when the printer had done with it
    copies INTEGER NOT NULL DEFAULT 1,
    attempt INTEGER NOT NULL DEFAULT 1, -- grows with each reprint; see `voids`
    for_person TEXT, -- who ordered it into their hand; NULL for one that lands on the belt
    taken_at REAL, -- when that person said that nothing of it is left at the printer
    printer TEXT -- address of the printer whose counter the baseline is
) STRICT;
CREATE INDEX open_labels ON labels (closed_at) WHERE closed_at IS NULL;
-- What happened to an item, in order; rows are only ever added.
CREATE TABLE history (
    step INTEGER PRIMARY KEY AUTOINCREMENT,
    item_id TEXT NOT NULL REFERENCES items,
    at REAL NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX history_of_item ON history (item_id);
CREATE TABLE positions (
    item_id TEXT PRIMARY KEY,
    x_px REAL NOT NULL,
    y_px REAL NOT NULL,
    captured_at REAL NOT NULL,
    size_px REAL NOT NULL,
    class_name TEXT
) STRICT;
{_VOIDS}{_RANGES}{_AT_EYE}{_ORDER_ITEMS}
CREATE TABLE serials (gtin TEXT PRIMARY KEY, issued INTEGER NOT NULL) STRICT;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Opens the journal, making it where there is none; every commit reaches the disk.

    One of an earlier version becomes one of this version; what it holds stays.

    Raises:
        InputError: The file is damaged, is no journal, or cannot be written.
        UnknownVersionError: It was written by another version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=_WRITER_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error) from None
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise unusable(path, error) from None
    except InputError:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection | None:
    """Opens the journal beside a running agent; None where there is nothing to read yet.

    Raises:
        InputError: The file is damaged or no journal.
        UnknownVersionError: It was written by another version.
    """
    if not path.exists():
        return None
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_READER_TIMEOUT_S
        )
        with contextlib.closing(connection.execute("PRAGMA user_version")) as answer:
            (version,) = answer.fetchone()
    except sqlite3.Error as error:
        raise InputError(
            f"the journal cannot be read: {error}", "is this the right file?", file=path
        ) from None
    try:
        if version == 0:
            _check_is_empty(connection, path)
            connection.close()
            return None
        _check_version(version, path)
    except InputError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        _check_is_empty(connection, path)
        series = "".join(secrets.choice(_SERIES_ALPHABET) for _ in range(_SERIES_CHARACTERS))
        connection.executescript(
            f"BEGIN IMMEDIATE; {_TABLES} "
            f"INSERT INTO facts VALUES ('serial_series', '{series}'); "
            f"PRAGMA user_version={SCHEMA_VERSION}; COMMIT;"
        )
        return
    _check_version(version, path)
    (told,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if told != "ok":
        raise sqlite3.DatabaseError(told)
    while version < SCHEMA_VERSION:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_MIGRATIONS[version]} PRAGMA user_version={version + 1}; COMMIT;"
        )
        version += 1


def _check_is_empty(connection: sqlite3.Connection, path: Path) -> None:
    """Raises InputError for a database that somebody else uses."""
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise InputError(
            "is an SQLite file, but not a journal", "give another data folder", file=path
        )


def _check_version(version: int, path: Path) -> None:
    """Raises UnknownVersionError for a journal of a version that is not known."""
    if version != SCHEMA_VERSION and version not in _MIGRATIONS:
        raise UnknownVersionError(
            f"journal version {version} is not known here (known: up to {SCHEMA_VERSION})",
            "run the version of Beltmark that wrote it",
            file=path,
        )


def unusable(path: Path, error: Exception) -> InputError:
    """Makes the error for a journal that cannot be used."""
    return InputError(
        f"the journal cannot be used: {error}",
        "free disk space, mend the permissions, or move a damaged file away and keep it",
        file=path,
    )
