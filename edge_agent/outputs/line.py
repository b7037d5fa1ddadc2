"""The station's outputs over TCP, a line of text for each signal: run permit and divert.

`PERMIT` lets the belt run for a second more, `HOLD` stops it at once: the second is for an agent
that died, and far too long for one that knows better. `DIVERT item x_px y_px captured_at` takes an
item off. The relay at the other end obeys a divert once, however often it hears it, so each is sent
until its computer has acknowledged it. Whether the belt may run is asked of `fitness`.
"""

import fcntl
import logging
import re
import select
import socket
import struct
import termios
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from beltmark.contract.errors import InputError

logger = logging.getLogger(__name__)

BEAT_EVERY_S = 0.25
PERMIT_TIMEOUT_S = 1.0
"""How long the belt runs on after the last beat: the relay's own time."""

_LOOK_EVERY_S = 0.02
_ASK_EVERY_S = 0.05
# An objection that passes sooner does not make the belt stand: contactors wear out.
_HOLD_AFTER_S = 0.1
_CONNECT_TIMEOUT_S = 1.0
_RETRY_AFTER_S = 0.5
_MAX_DIVERTS = 256
_PATIENCE_S = 1.0
_ITEM = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True)
class RelayHealth:
    """Whether the relay at the other end can be reached.

    Attributes:
        problem: Why not; None when it can.
        since: When that began, in seconds since the epoch.
    """

    problem: str | None
    since: float


@dataclass
class _Pending:
    """A divert that the relay may not have heard."""

    line: bytes
    waits_since: float
    is_written: bool = False


def parse_relay(address: str, field: str) -> tuple[str, int]:
    """Reads `tcp://host:port`.

    Raises:
        InputError: It is something else.
    """
    try:
        parts = urlsplit(address)
        if parts.scheme == "tcp" and parts.hostname and parts.port and not parts.path.strip("/"):
            return parts.hostname, parts.port
    except ValueError:
        pass
    raise InputError(f"{address!r} is no relay", "write tcp://host:port or none", field=field)


class RelayLine:
    """The one connection to a relay, kept by a thread of its own.

    Args:
        host: Where the relay is.
        port: Its TCP port.
        may_run: Asked before each beat; None where this line gives no run permit.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        host: str,
        port: int,
        may_run: Callable[[], bool] | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.address = f"tcp://{host}:{port}"
        self._target = (host, port)
        self._may_run, self._clock = may_run, clock
        self._health = RelayHealth("not connected yet", clock())
        self._lock = threading.Lock()
        self._pending: deque[_Pending] = deque()
        self._lost = 0
        self._socket: socket.socket | None = None
        self._retry_at = self._beat_at = 0.0
        self._held_since: float | None = None
        self._objected_at = float("inf")
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="outputs", daemon=True)

    @property
    def health(self) -> RelayHealth:
        """Whether the relay can be reached."""
        return self._health

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when this line does not ask for it."""
        now = time.monotonic()
        with self._lock:
            if self._lost:
                return f"{self._lost} diverts were lost: take the items off and restart"
            if self._health.problem is not None:
                return self._health.problem
            late = sum(now - p.waits_since > _PATIENCE_S for p in self._pending)
        return f"{late} diverts cannot be delivered" if late else None

    @property
    def held_since(self) -> float | None:
        """Since when the belt was told to stand, on the steady clock; None where it may run."""
        return self._held_since

    def divert(self, item_id: str, x_px: float, y_px: float, captured_at: float) -> None:
        """Has the item taken off that was at this place of the image then; returns at once."""
        if not _ITEM.fullmatch(item_id):
            raise ValueError(f"item id {item_id!r} cannot be sent")
        line = f"DIVERT {item_id} {x_px:.1f} {y_px:.1f} {captured_at:.3f}\n".encode("ascii")
        with self._lock:
            if len(self._pending) < _MAX_DIVERTS:
                self._pending.append(_Pending(line, time.monotonic()))
            else:
                self._lost += 1
                logger.error("divert of item %s is lost: the relay does not take it", item_id)
        self._wake.set()

    def start(self) -> None:
        """Begins to beat and to deliver."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Lets the permit fall, delivers what is left if that goes quickly, and disconnects."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def _pause_s(self) -> float:
        """A line with the permit asks often: an objection must stop the belt in time."""
        return BEAT_EVERY_S if self._may_run is None else _ASK_EVERY_S

    def _run(self) -> None:
        give_up_at: float | None = None
        while True:
            stops = self._stopping.is_set()
            if stops and give_up_at is None:
                give_up_at = time.monotonic() + _PATIENCE_S
            self._advance(beats=not stops)
            with self._lock:
                waiting = len(self._pending)
            if give_up_at is not None and (not waiting or time.monotonic() > give_up_at):
                break
            # What is written is acknowledged within a round trip: look again soon.
            self._wake.wait(_LOOK_EVERY_S if waiting and self._socket else self._pause_s)
            self._wake.clear()
        if waiting:
            logger.error("relay %s: %d diverts were not delivered", self.address, waiting)
        self._disconnect()

    def _advance(self, *, beats: bool) -> None:
        try:
            connection = self._connected()
            if connection is None:
                return
            self._settle(connection)
            with self._lock:
                unwritten = [p for p in self._pending if not p.is_written]
            for pending in unwritten:
                connection.sendall(pending.line)
                pending.is_written = True
            self._permit(connection, beats=beats)
            self._listen(connection)
        except OSError as error:
            self._report(str(error.strerror or error).lower())
            self._disconnect()

    def _permit(self, connection: socket.socket, *, beats: bool) -> None:
        """Renews the permit when it is time to, and takes it back as soon as somebody objects."""
        if self._may_run is None:
            return
        now = time.monotonic()
        if beats and self._may_run():
            self._objected_at = float("inf")
            if self._held_since is not None or now >= self._beat_at:
                connection.sendall(b"PERMIT\n")
                self._held_since, self._beat_at = None, now + BEAT_EVERY_S
            return
        self._objected_at = min(self._objected_at, now)
        if self._held_since is None and (not beats or now - self._objected_at >= _HOLD_AFTER_S):
            connection.sendall(b"HOLD\n")
            self._held_since = time.monotonic()

    def _settle(self, connection: socket.socket) -> None:
        """Forgets the diverts that the other computer has acknowledged."""
        (unacknowledged,) = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))
        if unacknowledged == 0:
            with self._lock:
                while self._pending and self._pending[0].is_written:
                    self._pending.popleft()

    def _listen(self, connection: socket.socket) -> None:
        """Notices a relay that hung up; what it says means nothing."""
        readable, _, _ = select.select([connection], [], [], 0)
        if readable and not connection.recv(1_024):
            raise ConnectionResetError(None, "the relay hung up")

    def _connected(self) -> socket.socket | None:
        if self._socket is not None:
            return self._socket
        if time.monotonic() < self._retry_at:
            return None
        self._retry_at = time.monotonic() + _RETRY_AFTER_S
        connection = socket.create_connection(self._target, _CONNECT_TIMEOUT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A relay that does not acknowledge for so long is gone, whatever its connection says.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1_000 * _PATIENCE_S))
        self._socket, self._held_since = connection, None
        self._report(None)
        return connection

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        with self._lock:
            for pending in self._pending:
                pending.is_written = False

    def _report(self, problem: str | None) -> None:
        if problem == self._health.problem:
            return
        if problem is None:
            logger.info("relay %s: connected", self.address)
        else:
            logger.warning("relay %s: %s", self.address, problem)
        self._health = RelayHealth(problem, self._clock())
