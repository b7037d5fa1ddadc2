"""Keeps what was worked out from a picture, so that a check that was stopped goes on where it was.

Entries are found by the digest of what they were worked out from, and by the version of the way;
nothing in here is ever out of date, and all of it can be thrown away.
"""

import contextlib
import sqlite3
import time
from pathlib import Path
from types import TracebackType
from typing import Final

from beltmark.contract.errors import InputError

_COMMIT_S: Final = 5.0


class Memory:
    """A table of blobs in a file; what is lost when the process is killed is seconds of work."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or makes it; a damaged one is begun anew.

        Raises:
            InputError: It cannot be opened or made.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._database = self._opened()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                for part in path.parent.glob(f"{path.name}*"):
                    part.unlink()
                self._database = self._opened()
        except (OSError, sqlite3.Error) as error:
            raise self._trouble(error) from None
        self._committed_at = time.monotonic()

    def get(self, key: str) -> bytes | None:
        """Returns what was put there, or None."""
        try:
            row = self._database.execute("SELECT value FROM entry WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._trouble(error) from None
        return None if row is None else bytes(row[0])

    def put(self, key: str, value: bytes) -> None:
        """Keeps a value; it is on the disk seconds later, or when the memory is closed.

        Raises:
            InputError: The disk is full.
        """
        try:
            self._database.execute("INSERT OR REPLACE INTO entry VALUES (?, ?)", (key, value))
            if time.monotonic() - self._committed_at >= _COMMIT_S:
                self._database.commit()
                self._committed_at = time.monotonic()
        except sqlite3.Error as error:
            raise self._trouble(error) from None

    def __enter__(self) -> "Memory":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with contextlib.closing(self._database):
                self._database.commit()
        except sqlite3.Error as problem:
            if error is None:
                raise self._trouble(problem) from None

    def _opened(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID"
            )
        except BaseException:
            database.close()
            raise
        return database

    def _trouble(self, error: Exception) -> InputError:
        return InputError(
            f"cannot be used: {error}",
            "free the disk, or delete this file: it is made anew",
            file=self._path,
        )
