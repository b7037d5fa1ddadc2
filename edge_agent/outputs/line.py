"""The station's outputs over TCP, a line of text for each signal; what the relay says comes back.

`PERMIT` lets the belt run for a second more, `HOLD` stops it at once: the second is for an agent
that died, and far too long for one that knows better. The relay at the other end obeys other words
once, however often it hears them, so each is sent until its computer has acknowledged it. Whether
the belt may run is asked of `fitness`; what words mean is left to `opening`.
"""

import fcntl
import logging
import select
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable

from edge_agent.outputs.beat import ASK_EVERY_S, BEAT_EVERY_S, PermitBeat
from edge_agent.outputs.ports import WordListener
from edge_agent.outputs.undelivered import PATIENCE_S, Undelivered
from edge_agent.signals.addresses import TcpAddress
from edge_agent.signals.ports import SignalHealth
from edge_agent.signals.reachability import Reachability
from edge_agent.signals.words import LineReader, connect

logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.02
_RETRY_AFTER_S = 0.5


class RelayLine:
    """The one connection to a relay, kept by a thread of its own.

    Args:
        relay: Where it is.
        may_run: Asked before each beat; None where this line gives no run permit.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        relay: TcpAddress,
        may_run: Callable[[], bool] | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.address = str(relay)
        self._relay, self._may_run = relay, may_run
        self._reach = Reachability(f"relay {self.address}", clock)
        self._undelivered, self._beat = Undelivered(), PermitBeat()
        self._listeners: list[WordListener] = []
        self._socket: socket.socket | None = None
        self._reader = LineReader()
        self._retry_at = 0.0
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="outputs", daemon=True)

    @property
    def health(self) -> SignalHealth:
        """Whether the relay can be reached."""
        return self._reach.health

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when this line does not ask for it."""
        return self._undelivered.hold_reason(self._reach.health.problem, time.monotonic())

    @property
    def held_since(self) -> float | None:
        """Since when the belt was told to stand, on the steady clock; None where it may run."""
        return self._beat.held_since

    def hear(self, listener: WordListener) -> None:
        """Adds one who hears the relay; before `start`."""
        self._listeners.append(listener)

    def say(self, words: str) -> None:
        """Has a line of words delivered; returns at once."""
        self._undelivered.add(words, time.monotonic())
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
        """A line with the permit asks often."""
        return BEAT_EVERY_S if self._may_run is None else ASK_EVERY_S

    def _run(self) -> None:
        give_up_at: float | None = None
        while True:
            stops = self._stopping.is_set()
            if stops and give_up_at is None:
                give_up_at = time.monotonic() + PATIENCE_S
            self._advance(ends=stops)
            waiting = len(self._undelivered)
            if give_up_at is not None and (not waiting or time.monotonic() > give_up_at):
                break
            # What is written is acknowledged within a round trip: look again soon.
            self._wake.wait(_LOOK_EVERY_S if waiting and self._socket else self._pause_s)
            self._wake.clear()
        if waiting:
            logger.error("relay %s: %d signals were not delivered", self.address, waiting)
        self._disconnect()

    def _advance(self, *, ends: bool) -> None:
        try:
            connection = self._connected()
            if connection is None:
                return
            self._settle(connection)
            for waiting in self._undelivered.unwritten():
                connection.sendall(f"{waiting.words}\n".encode("ascii"))
                waiting.is_written = True
            self._permit(connection, ends=ends)
            self._listen(connection)
        except OSError as error:
            self._reach.failed(error)
            self._disconnect()

    def _permit(self, connection: socket.socket, *, ends: bool) -> None:
        """Renews the permit when it is time to, and takes it back as soon as somebody objects."""
        if self._may_run is None:
            return
        is_well = not ends and self._may_run()
        word = self._beat.due(time.monotonic(), is_well=is_well, ends=ends)
        if word is not None:
            connection.sendall(f"{word}\n".encode("ascii"))
            self._beat.said(word, time.monotonic())

    def _settle(self, connection: socket.socket) -> None:
        """Forgets the words that the other computer has acknowledged."""
        (unacknowledged,) = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))
        if unacknowledged == 0:
            self._undelivered.all_written_delivered()

    def _listen(self, connection: socket.socket) -> None:
        """Hears the relay, and notices one that hung up."""
        readable, _, _ = select.select([connection], [], [], 0)
        if readable:
            for words in self._reader.take(connection):
                for listener in self._listeners:
                    listener(words)

    def _connected(self) -> socket.socket | None:
        if self._socket is not None:
            return self._socket
        if time.monotonic() < self._retry_at:
            return None
        self._retry_at = time.monotonic() + _RETRY_AFTER_S
        connection = connect(self._relay.host, self._relay.port)
        self._socket, self._reader = connection, LineReader()
        self._beat.connected()
        self._reach.reached()
        return connection

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._undelivered.disconnected()
