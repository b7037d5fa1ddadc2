"""The port through which slots are written, and the disk behind it.

Each step by itself may be lost when the power goes: a file's content until `sync`, its name (or a
rename, or a removal) until `sync_folder`. In which order they are taken is left to `slots`.
"""

import os
import shutil
from pathlib import Path
from typing import Protocol

from beltmark.contract.documents import sync


class Disk(Protocol):
    """Changes files. What is read needs no port."""

    def write(self, path: Path, content: bytes) -> None:
        """Writes a file anew."""
        ...

    def copy(self, source: Path, target: Path) -> None:
        """Copies a file's content."""
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
        """Removes a file, or a folder that is empty; none is fine."""
        ...

    def make_folder(self, folder: Path) -> None:
        """Makes a folder in one that exists; one that exists is fine."""
        ...

    def free_bytes(self, folder: Path) -> int:
        """How much can still be written."""
        ...


class RealDisk:
    """The disk itself."""

    def write(self, path: Path, content: bytes) -> None:
        """See `Disk.write`."""
        path.write_bytes(content)

    def copy(self, source: Path, target: Path) -> None:
        """See `Disk.copy`."""
        shutil.copyfile(source, target)

    def sync(self, path: Path) -> None:
        """See `Disk.sync`."""
        sync(path)

    def sync_folder(self, folder: Path) -> None:
        """See `Disk.sync_folder`."""
        sync(folder)

    def replace(self, source: Path, target: Path) -> None:
        """See `Disk.replace`."""
        os.replace(source, target)

    def remove(self, path: Path) -> None:
        """See `Disk.remove`."""
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)

    def make_folder(self, folder: Path) -> None:
        """See `Disk.make_folder`."""
        folder.mkdir(exist_ok=True)

    def free_bytes(self, folder: Path) -> int:
        """See `Disk.free_bytes`."""
        return shutil.disk_usage(folder).free


def write_whole(disk: Disk, path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, and durably."""
    temporary = path.with_name(f".{path.name}.new")
    disk.write(temporary, content)
    disk.sync(temporary)
    disk.replace(temporary, path)
    disk.sync_folder(path.parent)


def make_folders(disk: Disk, folder: Path, within: Path) -> None:
    """Makes a folder and those above it, below one that exists."""
    for part in reversed([folder, *folder.parents]):
        if part.is_relative_to(within) and part != within:
            disk.make_folder(part)


def remove_tree(disk: Disk, folder: Path) -> None:
    """Removes a folder with all that is in it; none is fine."""
    if not folder.is_dir() or folder.is_symlink():
        disk.remove(folder)
        return
    for entry in sorted(folder.iterdir()):
        remove_tree(disk, entry)
    disk.remove(folder)
