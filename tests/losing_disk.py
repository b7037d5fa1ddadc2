"""A disk that loses what was not synced when the power goes, over a real folder.

A process that is killed loses nothing, for the page cache survives it: a missing fsync passes such
a test, and not this one.
"""

import random
import shutil
from pathlib import Path

from edge_agent.update.disk import RealDisk

SURVIVALS = ("lost", "torn", "kept", *(f"mixed {seed}" for seed in range(2)))
"""What is left of unsynced changes: nothing; all names, but files cut in half; all; any mixture."""


class PowerCut(BaseException):
    """Nothing happens any more."""


class _File:
    def __init__(self, content: bytes, durable: bytes | None) -> None:
        self.content, self.durable = content, durable


class _Folder:
    def __init__(self) -> None:
        self.entries: dict[str, _File | _Folder] = {}
        self.durable: dict[str, _File | _Folder] = {}


class LosingDisk:
    """Implements `edge_agent.update.disk.Disk`; what it finds at the begin is durable.

    Args:
        root: The folder that it is.
        cut_before: The number of the step, from 0, before which the power goes; None: never.
    """

    def __init__(self, root: Path, cut_before: int | None = None) -> None:
        self._root, self._cut_before, self._disk = root, cut_before, RealDisk()
        self.steps = 0
        self.is_full_at: int | None = None
        self._tree = self._read(root)

    def write(self, path: Path, content: bytes) -> None:
        self._step()
        self._disk.write(path, content)
        self._written(path, content)

    def copy(self, source: Path, target: Path) -> None:
        self._step()
        self._disk.copy(source, target)
        self._written(target, target.read_bytes())

    def sync(self, path: Path) -> None:
        self._step()  # the real disk need not, for no power goes there
        file = self._folder(path.parent).entries[path.name]
        assert isinstance(file, _File)
        file.durable = file.content

    def sync_folder(self, folder: Path) -> None:
        self._step()
        found = self._folder(folder)
        found.durable = dict(found.entries)

    def replace(self, source: Path, target: Path) -> None:
        self._step()
        self._disk.replace(source, target)
        moved = self._folder(source.parent).entries.pop(source.name)
        self._folder(target.parent).entries[target.name] = moved

    def remove(self, path: Path) -> None:
        self._step()
        self._disk.remove(path)
        if path.is_relative_to(self._root):
            self._folder(path.parent).entries.pop(path.name, None)

    def make_folder(self, folder: Path) -> None:
        self._step()
        self._disk.make_folder(folder)
        self._folder(folder.parent).entries.setdefault(folder.name, _Folder())

    def free_bytes(self, folder: Path) -> int:
        return self._disk.free_bytes(folder)

    def come_back(self, survival: str) -> None:
        """Makes the folder what it is after the power is back."""
        shutil.rmtree(self._root)
        chance = random.Random(survival)
        self._restore(self._tree, self._root, survival, chance)

    def _step(self) -> None:
        if self.steps == self._cut_before:
            raise PowerCut
        self.steps += 1

    def _written(self, path: Path, content: bytes) -> None:
        entries = self._folder(path.parent).entries
        file = entries.get(path.name)
        if isinstance(file, _File):
            file.content = content
        else:
            entries[path.name] = _File(content, None)

    def _folder(self, path: Path) -> _Folder:
        folder = self._tree
        for part in path.relative_to(self._root).parts:
            inner = folder.entries[part]
            assert isinstance(inner, _Folder)
            folder = inner
        return folder

    def _read(self, path: Path) -> _Folder:
        folder = _Folder()
        for entry in path.iterdir():
            if entry.is_dir():
                folder.entries[entry.name] = self._read(entry)
            else:
                content = entry.read_bytes()
                folder.entries[entry.name] = _File(content, content)
        folder.durable = dict(folder.entries)
        return folder

    def _restore(self, folder: _Folder, path: Path, survival: str, chance: random.Random) -> None:
        path.mkdir()
        names = folder.durable if survival == "lost" else folder.entries
        if survival.startswith("mixed"):
            # Each name by itself: as it was synced, as it is, or either of two renamed ones.
            every = sorted({*folder.durable, *folder.entries})
            ways = (folder.durable, folder.entries)
            picked = {name: chance.choice(ways).get(name) for name in every}
            names = {name: entry for name, entry in picked.items() if entry is not None}
        for name, entry in names.items():
            if isinstance(entry, _Folder):
                self._restore(entry, path / name, survival, chance)
            else:
                (path / name).write_bytes(_left_of(entry, survival, chance))


def _left_of(file: _File, survival: str, chance: random.Random) -> bytes:
    is_synced = file.content == file.durable
    if is_synced or survival == "kept":
        return file.content
    torn = file.content[: len(file.content) // 2]
    match survival:
        case "lost":
            return file.durable or b""
        case "torn":
            return torn
        case _:
            return chance.choice((file.durable or b"", torn, file.content))
