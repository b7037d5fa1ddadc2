"""What a kill leaves of the journal's files: all, or only what was synced.

A killed process loses nothing that it wrote, for the system keeps it. A power cut does: there, a
library beneath SQLite (`losing_disk.c`) keeps aside what was synced, and the rest is lost here.
"""

import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Protocol

from beltmark.contract.errors import InputError
from bench.crash.life import JOURNAL

_SOURCE = Path(__file__).with_name("losing_disk.c")
_BLOCK = 512
_DURABLE = ".durable"


class Disk(Protocol):
    """The disk of one round."""

    @property
    def boot(self) -> str | None:
        """Which start of the computer this is; None: the true one."""
        ...

    def was_killed(self) -> None:
        """The process that wrote to it was killed."""
        ...


class KeepingDisk:
    """A disk that keeps its power."""

    @property
    def boot(self) -> str | None:
        """The true one."""
        return None

    def was_killed(self) -> None:
        """Nothing is lost."""


class LosingDisk:
    """A disk that loses its power with every kill.

    Args:
        folder: Where the journal is; empty.
        chance: Decides what is left of that which was not synced: nothing, all, or any mixture.
    """

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self._folder, self._durable, self._chance = folder, folder / _DURABLE, chance
        self._durable.mkdir()
        self._boots = 0

    @property
    def boot(self) -> str | None:
        """Another one after each power cut."""
        return f"boot {self._boots}"

    def was_killed(self) -> None:
        """Makes the files what the power cut left of them."""
        self._boots += 1
        survival = self._chance.choice(("lost", "lost", "kept", "mixed", "mixed"))
        synced = self._synced_names()
        found = {path.name: path.stat().st_ino for path in _files(self._folder)}
        contents = {name: (self._folder / name).read_bytes() for name in found}
        of_inode = {inode: contents[name] for name, inode in found.items()}
        left: dict[str, bytes] = {}
        for name in sorted({*synced, *found}):
            inode = (synced if survival == "lost" else found).get(name)
            if survival == "mixed":
                inode = self._chance.choice((synced.get(name), found.get(name)))
            if inode is not None:
                left[name] = self._left_of(inode, of_inode.get(inode), survival)
        for name in found:
            (self._folder / name).unlink()
        shutil.rmtree(self._durable)
        self._durable.mkdir()
        lines = []
        for name, content in left.items():
            path = self._folder / name
            path.write_bytes(content)
            inode = path.stat().st_ino
            (self._durable / f"i{inode}").write_bytes(content)
            lines.append(f"{inode} {name}\n")
        (self._durable / "names").write_text("".join(lines))

    def _synced_names(self) -> dict[str, int]:
        names = self._durable / "names"
        if not names.exists():
            return {}
        pairs = [line.split(" ", 1) for line in names.read_text().splitlines()]
        return {name: int(inode) for inode, name in pairs if name.startswith(JOURNAL)}

    def _left_of(self, inode: int, written: bytes | None, survival: str) -> bytes:
        kept = self._durable / f"i{inode}"
        synced = kept.read_bytes() if kept.exists() else b""
        if written is None or survival == "lost":
            return synced
        if survival == "kept":
            return written
        size = self._chance.choice((len(synced), len(written)))
        left = bytearray()
        for at in range(0, size, _BLOCK):
            part = slice(at, min(at + _BLOCK, size))
            block = self._chance.choice((synced, written))[part]
            left += block.ljust(part.stop - part.start, b"\0")
        return bytes(left)


def lose_power(folder: Path, *, is_deaf: bool) -> None:
    """Lets all processes begun from now on note what they sync.

    Args:
        folder: Takes the library.
        is_deaf: Sabotage: they note nothing.

    Raises:
        InputError: There is no C compiler.
    """
    library = folder / "losing_disk.so"
    command = ["gcc", "-shared", "-fPIC", "-O2", "-o", str(library), str(_SOURCE), "-ldl"]
    try:
        subprocess.run(command, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError(f"cannot be compiled: {error}", "install gcc", file=_SOURCE) from None
    os.environ["LD_PRELOAD"] = str(library)
    if is_deaf:
        os.environ["LOSING_DISK_IS_DEAF"] = "1"


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(JOURNAL)]
