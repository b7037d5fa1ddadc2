"""Remembers the digests of source files, so that a file that did not change is not read again.

A cache: without it everything is hashed anew, and a damaged one begins anew. What a digest is taken
of is left to `objects`.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from beltmark.contract.errors import InputError
from beltmark.datasets.wal import switch_to_wal

_PATIENCE_S: Final = 60.0
_SETTLED_NS: Final = 2_000_000_000
"""A file younger than this may change again without its time stamp telling."""

_SCHEMA: Final = """
create table if not exists files (
    path blob primary key, size integer, mtime_ns integer, inode integer, sha256 text
) without rowid
"""


@dataclass(frozen=True)
class FileState:
    """By what a change of a file is told: its size, time stamp and inode."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, path: str | Path) -> "FileState":
        """Looks at a file."""
        found = os.stat(path)
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)


class Index:
    """The digests by path, in an SQLite file.

    Args:
        path: The file; made anew where it is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._connection = _open(path)
        except sqlite3.OperationalError as error:
            raise self._unusable(error) from None
        except sqlite3.DatabaseError:  # not a database: it is only a cache
            path.unlink(missing_ok=True)
            self._connection = _open(path)

    def digest(self, path: Path, state: FileState) -> str | None:
        """Returns what the file's digest was, if the file is as it was then.

        Raises:
            InputError: The index is damaged.
        """
        try:
            row = self._connection.execute(
                "select size, mtime_ns, inode, sha256 from files where path = ?",
                (os.fsencode(path),),
            ).fetchone()
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from None
        if row is None or FileState(*row[:3]) != state:
            return None
        return str(row[3])

    def note(self, found: Iterable[tuple[Path, FileState, str]], now_ns: int) -> None:
        """Keeps digests of files: path, state when it was read, digest; if there is room.

        Args:
            found: The files.
            now_ns: The time; younger files are left out, for they may change unseen.
        """
        rows = [
            (os.fsencode(path), state.size, state.mtime_ns, state.inode, sha256)
            for path, state, sha256 in found
            if state.mtime_ns < now_ns - _SETTLED_NS
        ]
        with contextlib.suppress(sqlite3.OperationalError), self._connection:
            self._connection.executemany("replace into files values (?, ?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def _unusable(self, error: sqlite3.Error) -> InputError:
        return InputError(
            f"cannot be used: {error}", "remove it: it only spares hashing", file=self._path
        )


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_PATIENCE_S)
    try:
        switch_to_wal(connection, _PATIENCE_S)
        connection.execute("pragma synchronous = normal")
        with connection:
            connection.execute(_SCHEMA)
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.close()
        raise
    return connection
