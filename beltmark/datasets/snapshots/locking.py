"""Who may write in a store at once: any number add, one alone removes, a name moves by itself.

Locks are the kernel's: they fall with the process that holds them. Readers need none.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beltmark.contract.errors import InputError
from beltmark.datasets.snapshots.store import Store


@contextmanager
def while_adding(store: Store) -> Iterator[None]:
    """While a snapshot is made: others may too, but nothing is removed meanwhile.

    What killed processes left half-written goes.
    """
    with _locked(store.folder / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB) as (handle, is_alone):
        if is_alone:
            for path in (store.folder / "unfinished").glob("*"):
                store.disk.remove(path)
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield


@contextmanager
def while_removing(store: Store) -> Iterator[None]:
    """While images are removed: nobody else may be at it.

    Raises:
        InputError: Another process is adding or removing.
    """
    with _locked(store.folder / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB) as (_, is_alone):
        if not is_alone:
            raise InputError(
                "another command is at work in this store", "wait for it", file=store.folder
            )
        yield


@contextmanager
def while_naming(store: Store) -> Iterator[None]:
    """While a name moves: for moments, one after another."""
    with _locked(store.folder / "names.lock", fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(path: Path, how: int) -> Iterator[tuple[int, bool]]:
    """Gives the lock's handle, and whether the lock is held; it falls with the process."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, how)
            is_held = True
        except BlockingIOError:
            is_held = False
        yield handle, is_held
    finally:
        os.close(handle)
