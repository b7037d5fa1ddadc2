"""Carries bytes to a printer on a device file (`/dev/usb/lp*`). What they say is in `zebra.py`."""

import contextlib
import os
import select
import stat
import time

from edge_agent.printing.printers.base import PrinterBroken, PrinterUnreachable, problem_of

_PAUSE_S = 0.02


class DeviceLine:
    """A character device; answers can be read only where the device gives them."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._handle: int | None = None
        self._is_readable = False

    @property
    def address(self) -> str:
        """The path of the device."""
        return self._path

    def open(self, timeout_s: float) -> None:
        """Opens the device, write-only where it can't be read; raises PrinterUnreachable."""
        del timeout_s  # opening without waiting has no deadline to keep
        flags = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            try:
                handle, self._is_readable = os.open(self._path, flags | os.O_RDWR), True
            except PermissionError:
                handle, self._is_readable = os.open(self._path, flags | os.O_WRONLY), False
        except OSError as error:
            raise PrinterUnreachable(self._path, problem_of(error)) from error
        if not stat.S_ISCHR(os.fstat(handle).st_mode):
            os.close(handle)
            raise PrinterUnreachable(self._path, "is not a printer device")
        self._handle = handle

    def write(self, data: bytes, timeout_s: float) -> None:
        """Hands all bytes to the device; raises PrinterBroken with how many it took."""
        handed_over, end = 0, time.monotonic() + timeout_s
        try:
            while handed_over < len(data):
                if not self._wait(select.POLLOUT, end):
                    raise TimeoutError
                with contextlib.suppress(BlockingIOError):
                    handed_over += os.write(self._opened, data[handed_over : handed_over + 8_192])
        except OSError as error:
            raise PrinterBroken(self._path, problem_of(error), handed_over) from error

    def read(self, timeout_s: float) -> bytes:
        """Returns what comes next, empty when nothing came or the device can't be read."""
        end = time.monotonic() + timeout_s
        if not self._is_readable:
            time.sleep(timeout_s)
            return b""
        try:
            while self._wait(select.POLLIN, end):
                with contextlib.suppress(BlockingIOError):
                    if received := os.read(self._opened, 4_096):
                        return received
                # An empty packet is not an end: the printer had nothing to say yet.
                if time.monotonic() >= end:
                    break
                time.sleep(_PAUSE_S)
        except OSError as error:
            raise PrinterBroken(self._path, problem_of(error)) from error
        return b""

    def close(self) -> None:
        """Closes the device."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                os.close(self._handle)
            self._handle = None

    @property
    def _opened(self) -> int:
        if self._handle is None:
            raise PrinterUnreachable(self._path, "not connected")
        return self._handle

    def _wait(self, what: int, end: float) -> bool:
        """Waits until the device is ready; False when the deadline came first."""
        poll = select.poll()
        poll.register(self._opened, what)
        left_ms = max(0, round((end - time.monotonic()) * 1_000))
        return any(
            ready & (what | select.POLLERR | select.POLLHUP) for _, ready in poll.poll(left_ms)
        )
