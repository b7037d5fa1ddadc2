"""The image files of a store: each lies there once, under the SHA-256 of its content.

Rows about them are left to `rows`.
"""

import os
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from beltmark.contract.documents import read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.snapshots.index import FileState, Index
from beltmark.datasets.snapshots.store import Store

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""As `beltmark.datasets.images` has it, which loads OpenCV: nothing here looks at pixels."""

INDEX: Final = "index.sqlite"
_BATCH: Final = 512
"""After so many files the index remembers their digests."""

Keep = Literal["copy", "hardlink"]
"""How files come into the store. `copy` shares blocks where the file system can. `hardlink` takes
no room, but makes the source's file read-only and is the same file: whoever writes to it all the
same damages the store."""

Progress = Callable[[int, int], None]
"""Told how many are done, of how many."""


def no_progress(done: int, total: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class StoredFile:
    """A source's file that lies in the store.

    Attributes:
        sha256: Of its content.
        size_bytes: Of its content.
        was_read: It was hashed, not found in the index.
        is_new: The store did not have it.
    """

    sha256: str
    size_bytes: int
    was_read: bool
    is_new: bool


def object_path(store: Store, digest: str) -> Path:
    """Where an image file lies, or would lie."""
    return store.folder / "objects" / digest[:2] / digest[2:]


def has_object(store: Store, digest: str, size_bytes: int) -> bool:
    """Whether an image file lies in the store, of the right size at least; see `verify`."""
    try:  # of a hundred thousand files: text is faster than a Path
        path = f"{store.folder}/objects/{digest[:2]}/{digest[2:]}"
        return os.stat(path).st_size == size_bytes
    except OSError:
        return False


def take_files(
    store: Store,
    paths: Sequence[Path],
    keep: Keep,
    forgotten: Collection[str],
    *,
    progress: Progress = no_progress,
    workers: int = 8,
) -> list[StoredFile | None]:
    """Brings files into the store; call `Store.settle` before a manifest names them.

    A second run goes on where the first was stopped: files that are in the store are not written
    again, and those that the index knows not read.

    Args:
        store: Where to.
        paths: The files.
        keep: How.
        forgotten: Digests that must not come back.
        progress: Told after each batch.
        workers: Files that are written at once: the disk syncs them together.

    Returns:
        What lies in the store for each; None for those that were forgotten.

    Raises:
        InputError: A file is missing, unreadable or too large, or changed meanwhile.
        OSError: The disk is full.
    """
    taken: list[StoredFile | None] = []
    with closing(Index(store.folder / INDEX)) as index, ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(paths), _BATCH):
            batch = [path.absolute() for path in paths[start : start + _BATCH]]
            states = [_state(path) for path in batch]
            known = [index.digest(path, state) for path, state in zip(batch, states, strict=True)]
            work = [
                _stored(store, state, digest, forgotten)
                or pool.submit(_take, store, path, state, forgotten, keep)
                for path, state, digest in zip(batch, states, known, strict=True)
            ]
            try:
                found = [each if isinstance(each, StoredFile) else each.result() for each in work]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
            read = zip(batch, states, found, strict=True)
            news = [(path, state, file.sha256) for path, state, file in read if file.was_read]
            index.note(news, time.time_ns())
            taken += [None if file.sha256 in forgotten else file for file in found]
            progress(len(taken), len(paths))
    return taken


def _state(path: Path) -> FileState:
    try:
        return FileState.of(path)
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", "check the path and its permissions", file=path
        ) from None


def _stored(
    store: Store, state: FileState, digest: str | None, forgotten: Collection[str]
) -> StoredFile | None:
    """Returns a file whose digest is known and that the store has already, or must not have."""
    if digest is None:
        return None
    if digest not in forgotten:
        if not has_object(store, digest, state.size):
            return None
        store.unsettle(object_path(store, digest))
    return StoredFile(digest, state.size, was_read=False, is_new=False)


def _take(
    store: Store, path: Path, state: FileState, forgotten: Collection[str], keep: Keep
) -> StoredFile:
    """Hashes a file, and brings it into the store if that has it not."""
    digest = sha256_of(read_bytes(path, limit=MAX_FILE_BYTES))
    if digest in forgotten:
        return StoredFile(digest, state.size, was_read=True, is_new=False)
    target = object_path(store, digest)
    is_new = not has_object(store, digest, state.size)
    if is_new:
        new = store.new_file()
        try:
            if keep == "copy" or not store.disk.link(path, new):
                store.disk.copy(path, new)
            store.disk.sync(new)
            if FileState.of(path) != state or new.stat().st_size != state.size:
                raise InputError("changed while it was read", "add it again", file=path)
            store.place(new, target)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
    store.unsettle(target)
    return StoredFile(digest, state.size, was_read=True, is_new=is_new)
