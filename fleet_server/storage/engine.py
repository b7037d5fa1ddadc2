"""Opens the fleet's database, SQLite or PostgreSQL, and gives out its transactions.

What is written and read in them is left to `telemetry`, `fleet` and `overview`.
"""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError

from beltmark.contract.errors import InputError, UnknownVersionError
from fleet_server.storage.tables import SCHEMA_VERSION, facts, metadata

logger = logging.getLogger(__name__)

_SQLITE_WAIT_MS: Final = 5_000
_POSTGRESQL_TIMEOUT_S: Final = 15.0
# Any number will do, if only every server of a database takes the same one.
_POSTGRESQL_LOCK: Final = 0x42454C54
_WRITES: Final = "beltmark_writes"
# SQLSTATE classes: the data does not fit (22), or breaks a rule of the tables (23).
_STATES_OF_DATA: Final = ("22", "23")

# What PostgreSQL answers to someone who may not come in, and what mends it.
_POSTGRESQL_MENDS: Final = {
    "28P01": "mend the user or the password in the address",
    "28000": "mend the user in the address, or let it in (pg_hba.conf)",
    "3D000": "create the database: CREATE DATABASE {database} ENCODING 'UTF8'",
    "42501": "let the user make tables: GRANT CREATE ON SCHEMA public TO {user}",
    "53100": "free disk space on the database's machine",
    "53300": "let the database have more connections (max_connections)",
}
_POSTGRESQL_MEND: Final = "is PostgreSQL running there, and may this machine reach it?"
_SQLITE_MEND: Final = (
    "free disk space, mend the permissions, or move a damaged file away and keep it"
)


class StorageUnavailable(Exception):  # noqa: N818 - the state's own name
    """The database takes nothing at the moment; what was to be written is not committed."""


class Unstorable(Exception):  # noqa: N818 - it is a mistake of what was to be written
    """The database will never take this; nothing of the transaction is committed."""


def open_database(url: str) -> sa.Engine:
    """Opens the database and makes its tables where there are none.

    Args:
        url: `sqlite:////folder/fleet.sqlite` or `postgresql://user:password@host:port/database`.

    Raises:
        InputError: The address or what it leads to cannot be used.
        UnknownVersionError: The tables are of another version.
    """
    address = _parse(url)
    engine = _make_engine(address)
    try:
        with writing(engine) as connection:
            _prepare(connection, address)
    except (StorageUnavailable, Unstorable) as error:
        engine.dispose()
        raise _unusable(address, error) from None
    except InputError:
        engine.dispose()
        raise
    return engine


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that writes; it is committed at the end, or leaves no trace.

    Raises:
        StorageUnavailable: Nothing can be written at the moment.
        Unstorable: What was to be written does not fit.
    """
    with _told():
        connection = engine.connect().execution_options(**{_WRITES: True})
        with connection, connection.begin():
            yield connection


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that reads; what it sees is of one moment on SQLite.

    Raises:
        StorageUnavailable: Nothing can be read at the moment.
    """
    with _told(), engine.connect() as connection, connection.begin():
        yield connection


def insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


@contextmanager
def _told() -> Iterator[None]:
    """Turns the drivers' errors into what a caller can do about them."""
    try:
        yield
    except SQLAlchemyError as error:
        told = _tell(error)
        if _is_of_data(error):
            raise Unstorable(told) from error
        raise StorageUnavailable(told) from error
    except OSError as error:  # a driver that lost its socket in the middle of a word
        raise StorageUnavailable(str(error)) from error


def _is_of_data(error: SQLAlchemyError) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    if (state := _sqlstate(error)) is not None:
        return state.startswith(_STATES_OF_DATA)
    return isinstance(error, DataError | IntegrityError)


def _sqlstate(error: BaseException | None) -> str | None:
    """PostgreSQL's code for what is wrong; None for what did not come from it."""
    fields = _fields(error)
    return str(fields["C"]) if fields and "C" in fields else None


def _fields(error: BaseException | None) -> dict[str, Any] | None:
    original = error.orig if isinstance(error, DBAPIError) else None
    if original is not None and original.args and isinstance(original.args[0], dict):
        return original.args[0]
    return None


def _tell(error: SQLAlchemyError) -> str:
    """In one line, without the statement and its values."""
    if (fields := _fields(error)) is not None:
        return str(fields.get("M", fields))
    original = error.orig if isinstance(error, DBAPIError) else None
    return str(original or error).splitlines()[0]


def _parse(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise InputError(
            "the database's address cannot be read",
            "give sqlite:////folder/fleet.sqlite or postgresql://user:password@host/database",
        ) from None
    if address.drivername in ("postgresql", "postgres", "postgresql+pg8000"):
        return address.set(drivername="postgresql+pg8000")
    if address.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise InputError(
            f"a database of the kind {address.drivername} is not known here",
            "give sqlite:////folder/fleet.sqlite or postgresql://user:password@host/database",
            file=_shown(address),
        )
    if address.database in (None, "", ":memory:"):
        raise InputError(
            "the database names no file",
            "give sqlite:////folder/fleet.sqlite",
            file=_shown(address),
        )
    return address


def _shown(address: URL) -> str:
    """The address without what is secret in it."""
    return address.set(query={}).render_as_string(hide_password=True)


def _make_engine(address: URL) -> sa.Engine:
    if address.get_backend_name() == "postgresql":
        # A connection that died in the pool is replaced before it is used.
        return sa.create_engine(
            address, pool_pre_ping=True, connect_args={"timeout": _POSTGRESQL_TIMEOUT_S}
        )
    folder = Path(str(address.database)).parent
    if not folder.is_dir():
        raise InputError(f"the folder {folder} is not there", "make it first", file=_shown(address))
    engine = sa.create_engine(address)
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout={_SQLITE_WAIT_MS}")
        _switch_to_wal(cursor)
        cursor.execute("PRAGMA synchronous=FULL")
    finally:
        cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Waits for another that opens the file: SQLite does not, when it changes the journal mode."""
    end = time.monotonic() + _SQLITE_WAIT_MS / 1_000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: sa.Connection) -> None:
    """A writer takes its lock at once: one that first reads could not wait for it later."""
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare(connection: sa.Connection, address: URL) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_POSTGRESQL_LOCK)))
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise InputError(
                f"the database's encoding is {encoding}",
                "create it with ENCODING 'UTF8' TEMPLATE template0",
                file=_shown(address),
            )
    there = set(sa.inspect(connection).get_table_names())
    if there and facts.name not in there:
        raise InputError(
            "is a database that somebody else uses",
            "give a database of its own to the fleet",
            file=_shown(address),
        )
    is_new = not there
    if is_new:
        metadata.create_all(connection)
        connection.execute(facts.insert().values(name="schema_version", value=str(SCHEMA_VERSION)))
        logger.info("made the tables in %s", _shown(address))
        return
    version = connection.execute(
        sa.select(facts.c.value).where(facts.c.name == "schema_version")
    ).scalar_one_or_none()
    if version != str(SCHEMA_VERSION):
        raise UnknownVersionError(
            f"tables of version {version} are not known here (known: {SCHEMA_VERSION})",
            "run the version of Beltmark that made them",
            file=_shown(address),
        )
    metadata.create_all(connection)  # tables that came later; a server of before passes them over


def _unusable(address: URL, error: Exception) -> InputError:
    if address.get_backend_name() == "sqlite":
        mend = _SQLITE_MEND
    else:
        mend = _POSTGRESQL_MENDS.get(_sqlstate(error.__cause__) or "", _POSTGRESQL_MEND).format(
            database=address.database, user=address.username
        )
    return InputError(f"the database cannot be used: {error}", mend, file=_shown(address))
