"""A folder of snapshots: manifests, shards of rows, names, derivations and tombstones.

What is in it is named by its own digest and never changed, so that readers need no lock; a name is
the one thing that moves. Image files are left to `objects`, the order of writing to `recording`,
who may write at once to `locking`.
"""

import json
import re
import uuid
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel

from beltmark.contract.documents import parse, read_bytes, read_document, sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.snapshots.disk import Disk, RealDisk
from beltmark.datasets.snapshots.manifest import (
    Derivation,
    Manifest,
    NameFile,
    ShardEntry,
    StoreMark,
    Tombstone,
)
from beltmark.datasets.snapshots.rows import Lines, grouped

MARK: Final = "store.json"
MAX_SHARD_BYTES: Final = 512 * 1024 * 1024
MIN_DIGITS: Final = 8
"""So many digits of a digest stand for it."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGITS: Final = re.compile(rf"[0-9a-f]{{{MIN_DIGITS},64}}")

DocumentT = TypeVar("DocumentT", bound=BaseModel)


class Store:
    """A store that exists.

    Args:
        folder: The store.
        disk: What writes its files.

    Raises:
        InputError: The folder is no store, or one of a later version.
    """

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        if not is_store(folder):
            raise InputError(
                "is no store of snapshots", "make one: beltmark-train data add", file=folder
            )
        read_document(folder / MARK, StoreMark)
        self.folder, self.disk = folder, disk or RealDisk()
        self._unsettled: set[Path] = set()

    @classmethod
    def create(cls, folder: Path, disk: Disk | None = None) -> "Store":
        """Makes a store of an empty or new folder; one that is a store already is fine.

        Raises:
            InputError: There are other things in the folder.
        """
        disk = disk or RealDisk()
        if not is_store(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if any(not entry.name.startswith(f".{MARK}") for entry in folder.iterdir()):
                raise InputError(
                    "has other things in it", "name a new folder for the store", file=folder
                )
            new = folder / f".{MARK}.{uuid.uuid4().hex}"
            disk.write(new, StoreMark().model_dump_json().encode() + b"\n")
            disk.sync(new)
            disk.replace(new, folder / MARK)
            disk.sync_folder(folder)
        return cls(folder, disk)

    def manifest(self, digest: str) -> Manifest:
        """Reads a snapshot's manifest.

        Raises:
            InputError: There is none, or it is damaged.
        """
        path = self.manifest_path(digest)
        return parse(json.loads(self._read_named(path, digest)), Manifest, path)

    def manifest_path(self, digest: str) -> Path:
        """Where a snapshot's manifest lies."""
        return self.folder / "snapshots" / f"{digest}.json"

    def lines(self, manifest: Manifest, shard: str) -> Lines:
        """Reads a shard's rows; none where the snapshot has no such shard.

        Raises:
            InputError: The shard is missing or damaged.
        """
        entry = manifest.shards.get(shard)
        if entry is None:
            return {}
        path = self.shard_path(entry.sha256)
        return grouped(self._read_named(path, entry.sha256).splitlines())

    def shard_path(self, digest: str) -> Path:
        """Where a shard's file lies."""
        return self.folder / "shards" / digest[:2] / f"{digest[2:]}.jsonl"

    def write_shard(self, lines: Lines) -> ShardEntry:
        """Writes a shard; `settle` makes it last."""
        content = b"".join(
            line + b"\n" for _, group in sorted(lines.items()) for line in sorted(group)
        )
        digest = sha256_of(content)
        self.put(self.shard_path(digest), content)
        return ShardEntry(sha256=digest, images=len(lines))

    def snapshots(self) -> tuple[str, ...]:
        """The digests of all snapshots, sorted."""
        found = (path.stem for path in (self.folder / "snapshots").glob("*.json"))
        return tuple(sorted(stem for stem in found if re.fullmatch("[0-9a-f]{64}", stem)))

    def names(self) -> dict[str, str]:
        """The snapshot that each name stands for."""
        found = sorted((self.folder / "names").glob("*.json"))
        return {
            path.stem: read_document(path, NameFile).snapshot
            for path in found
            if _NAME.fullmatch(path.stem)
        }

    def find(self, reference: str) -> str:
        """Returns the digest that a name, or the digest's first digits, stand for.

        Raises:
            InputError: It stands for none, or for several.
        """
        names = self.names()
        if reference in names:
            return names[reference]
        digests = self.snapshots()
        if _DIGITS.fullmatch(reference):
            found = [digest for digest in digests if digest.startswith(reference)]
            if len(found) == 1:
                return found[0]
            if found:
                raise InputError(
                    f"{reference} begins {len(found)} snapshots",
                    "give more digits",
                    file=self.folder,
                )
        known = [
            *names,
            *(digest[:MIN_DIGITS] for digest in digests if digest not in names.values()),
        ]
        raise InputError(
            f"has no snapshot {reference!r} (known: {', '.join(known[:20]) or 'none'})",
            "name one of them, or a digest's first digits",
            file=self.folder,
        )

    def derivations(self, digest: str) -> tuple[Derivation, ...]:
        """How a snapshot came to be, the oldest first."""
        paths = (self.folder / "lineage" / digest).glob("*.json")
        found = [
            parse(json.loads(self._read_named(path, path.stem)), Derivation, path)
            for path in sorted(paths)
        ]
        return tuple(sorted(found, key=lambda each: each.at))

    def keep_derivation(self, derivation: Derivation) -> None:
        """Writes how a snapshot came to be; `settle` makes it last."""
        content = derivation.content()
        folder = self.folder / "lineage" / derivation.snapshot
        self.put(folder / f"{sha256_of(content)}.json", content)

    def tombstones(self) -> dict[str, Tombstone]:
        """The images that had to be forgotten."""
        paths = sorted((self.folder / "forgotten").glob("*.json"))
        return {path.stem: read_document(path, Tombstone) for path in paths}

    def put(self, path: Path, content: bytes) -> None:
        """Writes a file named by its content, if it is not there; `settle` makes it last."""
        if not path.is_file():
            self._write(path, content)
        self.unsettle(path)

    def write_document(self, path: Path, document: BaseModel) -> None:
        """Writes a document that may change, whole or not at all, and lastingly."""
        self._write(path, document.model_dump_json().encode() + b"\n")
        self.unsettle(path)
        self.settle()

    def new_file(self) -> Path:
        """Returns the path of a file that nobody else writes; `place` gives it its name."""
        folder = self.folder / "unfinished"
        self.disk.make_folder(folder)
        return folder / uuid.uuid4().hex

    def place(self, new: Path, path: Path) -> None:
        """Gives a finished file its name."""
        folder = path.parent
        for each in reversed([folder, *folder.parents]):
            if each.is_relative_to(self.folder) and each != self.folder and not each.is_dir():
                self.disk.make_folder(each)
                self._unsettled.add(each.parent)
        self.disk.replace(new, path)

    def unsettle(self, path: Path) -> None:
        """Notes that a file's name may not have reached the disk yet."""
        self._unsettled.add(path.parent)

    def settle(self) -> None:
        """Brings all names onto the disk that were written before."""
        for folder in sorted(self._unsettled):
            self.disk.sync_folder(folder)
        self._unsettled.clear()

    def name_path(self, name: str) -> Path:
        """Where it stands which snapshot a name stands for.

        Raises:
            InputError: It cannot be a name.
        """
        check_name(name)
        return self.folder / "names" / f"{name}.json"

    def remove_name(self, name: str) -> None:
        """Removes a name; the snapshot stays."""
        path = self.name_path(name)
        self.disk.remove(path)
        self.unsettle(path)
        self.settle()

    def _write(self, path: Path, content: bytes) -> None:
        new = self.new_file()
        try:
            self.disk.write(new, content)
            self.disk.sync(new)
            self.place(new, path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise

    def _read_named(self, path: Path, digest: str) -> bytes:
        """Reads a file whose content must have this digest."""
        content = read_bytes(path, limit=MAX_SHARD_BYTES)
        if sha256_of(content) != digest:
            raise InputError(
                "is damaged: its content has another digest than its name says",
                "take it from a backup; `beltmark-train data verify` names all damage",
                file=path,
            )
        return content


def is_store(folder: Path) -> bool:
    """Whether a folder is a store."""
    return (folder / MARK).is_file()


def check_name(name: str) -> None:
    """Makes sure that a snapshot can be called so.

    Raises:
        InputError: It cannot.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no name for a snapshot",
            "use up to 64 letters, digits, '.', '-' and '_', a letter or digit first",
        )
    if _DIGITS.fullmatch(name):
        raise InputError(f"{name!r} looks like a digest", "give it another name")
