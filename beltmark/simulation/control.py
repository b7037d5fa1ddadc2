"""The station's outputs as the belt's electronics hear them: a line of text for each signal.

`PERMIT` renews the run permit, `HOLD` takes it back. `DIVERT <item> <x_px> <y_px> <captured_at>`
takes an item off. `APPLY <item>` puts the label that lies at the applicator onto its item, `CANCEL
<item>` forbids it. What happened is said to all who are connected.
Any number of senders up to a bound; lines that mean nothing are logged and dropped.
"""

import contextlib
import logging
import math
import re
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger(__name__)

MAX_LINE_BYTES = 256
MAX_SENDERS = 8
_ITEM_NAME = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True)
class Permit:
    """The belt may run for a while."""


@dataclass(frozen=True)
class Hold:
    """The belt must stand, at once."""


@dataclass(frozen=True)
class Divert:
    """Take the item off that was at this image position at that time (epoch seconds)."""

    named: str
    x_px: float
    y_px: float
    captured_at_s: float


@dataclass(frozen=True)
class Apply:
    """Put the label that lies at the applicator onto its item."""

    named: str


@dataclass(frozen=True)
class Cancel:
    """Do not put this item's label onto anything."""

    named: str


Signal = Permit | Hold | Divert | Apply | Cancel


def parse_signal(line: str) -> Signal | None:
    """Read one line without its end; None if it means nothing."""
    match line.split():
        case ["PERMIT" | "HOLD" as word]:
            return Permit() if word == "PERMIT" else Hold()
        case ["APPLY" | "CANCEL" as word, named] if _ITEM_NAME.fullmatch(named):
            return Apply(named) if word == "APPLY" else Cancel(named)
        case ["DIVERT", named, *numbers] if len(numbers) == 3 and _ITEM_NAME.fullmatch(named):
            try:
                x_px, y_px, captured_at_s = (float(number) for number in numbers)
            except ValueError:
                return None
            if all(math.isfinite(number) for number in (x_px, y_px, captured_at_s)):
                return Divert(named, x_px, y_px, captured_at_s)
    return None


class ControlServer:
    """Listens for signals and hands each to a function, on the sender's own thread.

    Args:
        on_signal: What to do with a signal.
        port: TCP port on `host`; 0 takes a free one.
        host: Address to listen on.
    """

    def __init__(
        self,
        on_signal: Callable[[Signal], None],
        port: int = 0,
        host: str = "127.0.0.1",
    ) -> None:
        self._server = _Server((host, port), _Handler)
        self._server.on_signal = on_signal
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="control", daemon=True
        )

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return f"tcp://{host!s}:{port}"

    def say(self, line: str) -> None:
        """Say a line to all who are connected; one that does not take it is passed over."""
        self._server.say(f"{line}\n".encode("ascii"))

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout=5)
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False  # senders keep their connection open for as long as they live
    on_signal: Callable[[Signal], None]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.senders = threading.BoundedSemaphore(MAX_SENDERS)
        self._connected: set[socket.socket] = set()
        self._lock = threading.Lock()

    def connected(self, connection: socket.socket, *, is_here: bool) -> None:
        """Notes who hears what is said."""
        with self._lock:
            (self._connected.add if is_here else self._connected.discard)(connection)

    def say(self, line: bytes) -> None:
        """Says a line to all."""
        with self._lock:
            for connection in self._connected:
                with contextlib.suppress(OSError):
                    connection.send(line, socket.MSG_DONTWAIT)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        if not self.server.senders.acquire(blocking=False):
            logger.warning("control: too many senders, %s refused", self.client_address)
            return
        self.server.connected(self.connection, is_here=True)
        try:
            self._listen()
        except OSError:
            logger.info("control: sender %s went away", self.client_address)
        finally:
            self.server.connected(self.connection, is_here=False)
            self.server.senders.release()

    def _listen(self) -> None:
        while line := self.rfile.readline(MAX_LINE_BYTES + 1):
            if not line.endswith(b"\n"):
                logger.warning("control: cut or endless line from %s", self.client_address)
                return
            signal = parse_signal(line.decode("ascii", errors="replace").rstrip("\r\n"))
            if signal is None:
                logger.warning("control: not understood: %r", line)
            else:
                self.server.on_signal(signal)
