"""The port through which a store is written, and the disk behind it.

Each step by itself may be lost when the power goes: a file's content until `sync`, its name (or a
rename, or a removal) until `sync_folder`. In which order they are taken is left to `store` and
`objects`.
"""

import errno
import fcntl
import os
import shutil
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from beltmark.contract.documents import sync, writing

_READ_ONLY: Final = 0o444
_FICLONE: Final = 0x40049409
"""Linux's ioctl that lets two files share their blocks until one is written to."""

_CANNOT_LINK: Final = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.EACCES}


class Disk(Protocol):
    """Changes files. What is read needs no port."""

    def write(self, path: Path, content: bytes) -> None:
        """Writes a new file."""
        ...

    def copy(self, source: Path, target: Path) -> None:
        """Copies a file's content into a new one."""
        ...

    def link(self, source: Path, target: Path) -> bool:
        """Gives a file a second name; False where that cannot be."""
        ...

    def sync(self, path: Path) -> None:
        """Brings a file's content onto the disk."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """Brings a folder's names onto the disk."""
        ...

    def replace(self, source: Path, target: Path) -> None:
        """Renames a file, over another if there is one."""
        ...

    def remove(self, path: Path) -> None:
        """Removes a file; none is fine."""
        ...

    def make_folder(self, folder: Path) -> None:
        """Makes a folder in one that exists; one that exists is fine."""
        ...


class RealDisk:
    """The disk itself. Files that it writes are read-only: nothing in a store is ever changed."""

    def write(self, path: Path, content: bytes) -> None:
        """See `Disk.write`."""
        with writing(path), _new_file(path) as file:
            file.write(content)

    def copy(self, source: Path, target: Path) -> None:
        """See `Disk.copy`; where the file system can, both share their blocks (a reflink)."""
        with source.open("rb") as read, writing(target), _new_file(target) as file:
            try:
                fcntl.ioctl(file.fileno(), _FICLONE, read.fileno())
            except OSError:
                shutil.copyfileobj(read, file)

    def link(self, source: Path, target: Path) -> bool:
        """See `Disk.link`; the file becomes read-only under both names."""
        try:
            target.hardlink_to(source.resolve())
            target.chmod(_READ_ONLY)
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
            target.unlink(missing_ok=True)
            return False
        return True

    def sync(self, path: Path) -> None:
        """See `Disk.sync`."""
        with writing(path):
            sync(path)

    def sync_folder(self, folder: Path) -> None:
        """See `Disk.sync_folder`."""
        sync(folder)

    def replace(self, source: Path, target: Path) -> None:
        """See `Disk.replace`."""
        os.replace(source, target)

    def remove(self, path: Path) -> None:
        """See `Disk.remove`."""
        path.unlink(missing_ok=True)

    def make_folder(self, folder: Path) -> None:
        """See `Disk.make_folder`."""
        folder.mkdir(exist_ok=True)


def _new_file(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _READ_ONLY), "wb")
