"""Keeps on disk what takes long to make, within a limit; losing it costs time and nothing else."""

import errno
import logging
import os
import shutil
import threading
import zlib
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

MOST_OF_FREE = 0.5
"""At most this share of the free disk is taken."""


class DiskCache:
    """Contents by key, one file each; safe to use from several threads and processes.

    A file holds the CRC-32 of its content and the content; one that does not fit is none.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """Opens the folder; it is made when the first content is kept.

        Args:
            folder: Where the files go.
            limit_bytes: At most so much is kept, together with what is there.
        """
        self._folder = folder
        files = [entry.stat().st_size for entry in _entries(folder)]
        free = shutil.disk_usage(_existing(folder)).free
        self._room = min(limit_bytes - sum(files), int(free * MOST_OF_FREE))

    def get(self, key: str) -> bytes | None:
        """Returns what is kept under a key (hexadecimal digits), or None."""
        try:
            content = self._path(key).read_bytes()
        except OSError:
            return None
        whole = zlib.crc32(content[4:]).to_bytes(4, "big") == content[:4]
        return content[4:] if whole else None

    def put(self, key: str, content: bytes) -> None:
        """Keeps something, unless there is no room for it."""
        if len(content) + 4 > self._room:  # threads at once may go beyond it, by a file each
            return
        self._room -= len(content) + 4
        path = self._path(key)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(zlib.crc32(content).to_bytes(4, "big") + content)
            os.replace(temporary, path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            self._room = 0
            told = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
            log.warning("%s: %s; nothing more is kept", self._folder, told)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.is_dir():
        return []
    below = [entry for entry in os.scandir(folder) if entry.is_dir()]
    return [entry for part in below for entry in os.scandir(part.path)]


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.is_dir())
