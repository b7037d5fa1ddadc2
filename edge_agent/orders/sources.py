"""Where orders come from, and the first of these: a file that is replaced. See `server` too."""

import os
from pathlib import Path
from typing import Protocol

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from edge_agent.orders.document import MAX_BYTES


class OrderSource(Protocol):
    """Gives orders."""

    def fetch(self) -> bytes | None:
        """Returns the order if it is another than at the last call; None while it is the same.

        Raises:
            InputError: There is none, or it cannot be had at the moment.
        """
        ...

    def repeat(self) -> None:
        """The next call gives the order whether or not it has changed."""
        ...


class OrderFile:
    """A file; whoever replaces it writes another and renames it, so that none is read half.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def fetch(self) -> bytes | None:
        """See `OrderSource.fetch`."""
        try:
            found = os.stat(self._path)
        except OSError as error:
            raise InputError(
                f"cannot be read: {error.strerror}", "check the path", file=self._path
            ) from None
        mark = (found.st_ino, found.st_mtime_ns, found.st_size)
        if mark == self._seen:
            return None
        content = read_bytes(self._path, limit=MAX_BYTES)
        self._seen = mark
        return content

    def repeat(self) -> None:
        """See `OrderSource.repeat`."""
        self._seen = None
