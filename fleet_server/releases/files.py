"""The port through which the repository is written, and the disk behind it; and the lock on it.

Each write is whole or not at all, and durable before the next one begins: their order is what keeps
the repository valid whenever the writer dies.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from beltmark.contract.documents import sync, write_bytes, writing
from beltmark.contract.errors import InputError

_LOOK_PERIOD_S: Final = 0.05


class Files(Protocol):
    """Changes files. What is read needs no port."""

    def write(self, path: Path, content: bytes) -> None:
        """Writes a file whole or not at all, with the folders above it."""
        ...

    def remove(self, path: Path) -> None:
        """Removes a file; none is fine."""
        ...


class DiskFiles:
    """The disk itself."""

    def write(self, path: Path, content: bytes) -> None:
        """See `Files.write`."""
        make_folder(path.parent)
        write_bytes(path, content)

    def remove(self, path: Path) -> None:
        """See `Files.remove`."""
        path.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, durably."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def write_private(path: Path, content: bytes) -> None:
    """Writes a new file that nobody but its owner may read.

    Raises:
        FileExistsError: It is there already.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with writing(path), os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def locked(path: Path, busy: str, mend: str, wait_s: float = 0.0) -> Iterator[None]:
    """Holds a lock that ends with the process, however it ends.

    Args:
        path: The lock's file; it stays.
        busy: What is told when another process holds it.
        mend: What is to be done then.
        wait_s: How long to wait for it.

    Raises:
        InputError: Another process holds it.
    """
    gives_up_at = time.monotonic() + wait_s
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _try_lock(handle):
            if time.monotonic() >= gives_up_at:
                raise InputError(busy, mend, file=path.parent)
            time.sleep(_LOOK_PERIOD_S)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
