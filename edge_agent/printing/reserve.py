"""Disk space that is kept for the journal: given up when the disk is full, taken again when it can.

So decisions on their way can still be committed while the belt comes to a stand. When it is given
up is left to `journal`.
"""

import contextlib
import logging
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

RESERVE_BYTES: Final = 4 * 1024 * 1024
IN_USE: Final = "the disk is full, and its reserve is in use: free disk space"

_FULL_CODES: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def is_full(error: sqlite3.Error) -> bool:
    """Whether a write may have failed for want of space; SQLite calls some of that an I/O error."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _FULL_CODES


class Reserve:
    """A file that takes space and holds nothing.

    Args:
        path: The file, on the journal's disk.
        size: Its bytes.
    """

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self._path, self._size = path, size
        self._is_held = False

    def give_up(self) -> bool:
        """Frees the space; False where there was none to free."""
        self._is_held = False
        try:
            self._path.unlink()
        except OSError:
            return False
        logger.error("journal: the disk is full: its reserve is given up")
        return True

    def take(self) -> bool:
        """Takes the space, where as much again is left beyond it; returns whether it is held."""
        if self._is_held:
            return True
        with contextlib.suppress(OSError):
            if self._path.exists() and self._path.stat().st_size == self._size:
                self._is_held = True
            elif shutil.disk_usage(self._path.parent).free >= 2 * self._size:
                self._fill()
                self._is_held = True
        return self._is_held

    def _fill(self) -> None:
        """Takes blocks, not just a length; half a file is none."""
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(handle, 0, self._size)
            os.fsync(handle)
        except OSError:
            self._path.unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)
