"""Carries bytes to a printer over raw TCP (port 9100). What they say is in `zebra.py`."""

import socket
import time

from edge_agent.printing.printers.base import PrinterBroken, PrinterUnreachable, problem_of


class TcpLine:
    """A TCP connection to a printer."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._socket: socket.socket | None = None

    @property
    def address(self) -> str:
        """`tcp://host:port`."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"tcp://{host}:{self._port}"

    def open(self, timeout_s: float) -> None:
        """Connects; raises PrinterUnreachable."""
        try:
            opened = socket.create_connection((self._host, self._port), timeout=timeout_s)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise PrinterUnreachable(self.address, problem_of(error)) from error
        self._socket = opened

    def write(self, data: bytes, timeout_s: float) -> None:
        """Hands all bytes to the kernel; raises PrinterBroken with how many it took."""
        handed_over, end = 0, time.monotonic() + timeout_s
        try:
            while handed_over < len(data):
                # A timeout of zero would mean non-blocking: the deadline comes out as an error.
                self._connected.settimeout(max(end - time.monotonic(), 0.001))
                handed_over += self._connected.send(data[handed_over : handed_over + 65_536])
        except OSError as error:
            raise PrinterBroken(self.address, problem_of(error), handed_over) from error

    def read(self, timeout_s: float) -> bytes:
        """Returns what comes next, empty when nothing came; raises PrinterBroken at its end."""
        try:
            self._connected.settimeout(timeout_s)
            received = self._connected.recv(4_096)
        except (TimeoutError, BlockingIOError):
            return b""
        except OSError as error:
            raise PrinterBroken(self.address, problem_of(error)) from error
        if not received:
            raise PrinterBroken(self.address, "the printer closed the connection")
        return received

    def close(self) -> None:
        """Closes the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @property
    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise PrinterUnreachable(self.address, "not connected")
        return self._socket
