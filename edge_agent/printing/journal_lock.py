"""One agent at a time has a journal: a lock beside it, which ends with the process that took it."""

import fcntl
import os
from pathlib import Path

from beltmark.contract.errors import InputError


def is_in_use(path: Path) -> bool:
    """Whether an agent runs on this journal."""
    try:
        handle = os.open(_lock_path(path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def take(path: Path) -> int:
    """Takes the journal for this process, and returns the handle to close when it is done with.

    Raises:
        InputError: Another agent has it, or the lock cannot be written.
    """
    lock = _lock_path(path)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}", "give a folder that can be written", file=lock
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(handle, 32).decode("ascii", "replace").strip()
        os.close(handle)
        raise InputError(
            f"another agent (process {holder or 'unknown'}) runs on this journal",
            "stop it first, or give this station a data folder of its own",
            file=path,
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle
