"""Prints into a file: every label is appended whole and synced. For dry runs and tests."""

import contextlib
import os
from pathlib import Path

from edge_agent.printing.printers.base import (
    PrinterBroken,
    PrinterStatus,
    PrinterUnreachable,
    problem_of,
)

_START, _END = b"^XA", b"^XZ"


class FilePrinter:
    """A file of ZPL; its label count is the number of formats in it."""

    confirms = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self._count = 0

    @property
    def address(self) -> str:
        """`file:PATH`."""
        return f"file:{self._path}"

    def connect(self) -> None:
        """Opens the file, counts its labels, and cuts off what a killed process left half-way."""
        if self._handle is not None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            handle = os.open(self._path, flags, 0o644)
            content = self._path.read_bytes()
        except OSError as error:
            raise PrinterUnreachable(self.address, problem_of(error)) from error
        self._handle = handle
        if content and not content.startswith(_START[: len(content)]):
            self.close()
            raise PrinterUnreachable(self.address, "holds something other than labels")
        self._count = content.count(_END)
        self.cancel_partial()

    def send(self, data: bytes) -> None:
        """Appends the bytes; all of them are on disk at return, none of them at an error."""
        handle = self._opened
        before = os.fstat(handle).st_size
        line = data + b"\n"
        try:
            written = os.write(handle, line)
            if written < len(line):
                raise OSError(None, "no space left")
            os.fsync(handle)
        except OSError as error:
            handed_over = len(data)
            with contextlib.suppress(OSError):
                os.ftruncate(handle, before)
                handed_over = 0
            self.close()
            raise PrinterBroken(self.address, problem_of(error), handed_over) from error
        self._count += data.count(_END)

    def query_status(self) -> PrinterStatus | None:
        """A file is always ready."""
        _ = self._opened
        return PrinterStatus()

    def label_count(self) -> int | None:
        """The number of formats in the file."""
        _ = self._opened
        return self._count

    def cancel_partial(self) -> None:
        """Cuts off what stands after the last whole format."""
        handle = self._opened
        content = self._path.read_bytes()
        whole = content.rfind(_END) + len(_END) if _END in content else 0
        if content[whole:].strip():
            os.ftruncate(handle, whole)
            os.write(handle, b"\n" if whole else b"")
            os.fsync(handle)

    def cancel_all(self) -> None:
        """What was taken has come out already."""
        _ = self._opened

    def close(self) -> None:
        """Closes the file."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                os.close(self._handle)
            self._handle = None

    @property
    def _opened(self) -> int:
        if self._handle is None:
            raise PrinterUnreachable(self.address, "not connected")
        return self._handle
