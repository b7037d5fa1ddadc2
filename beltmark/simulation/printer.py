"""A label printer that isn't there: speaks raw port 9100 like a Zebra and keeps its own record.

The record is a witness: what came out is known here without asking the agent. The wording of
commands and answers is in `printer_protocol.py`, the printing in `printer_head.py`.
"""

import logging
import math
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from beltmark.simulation.printer_head import PrintedLabel, PrintHead, read_record
from beltmark.simulation.printer_protocol import (
    Command,
    CommandStream,
    Condition,
    Control,
    Format,
    GetVariable,
    error_status_reply,
    host_status_reply,
    variable_reply,
)

__all__ = [
    "AT_ONCE",
    "SPEED_MM_S",
    "PrintedLabel",
    "PrinterFaults",
    "SimulatedPrinter",
    "read_record",
]

logger = logging.getLogger(__name__)

SPEED_MM_S = 152.4
"""Six inches a second, as an industrial printer leaves its factory."""

AT_ONCE = math.inf
"""A print speed for those to whom the time of a label is nothing."""

_POLL_S = 0.02
_ANSWER_TIMEOUT_S = 1.0
_STATUS_REPLIES = {"HS": host_status_reply, "HQES": error_status_reply}


@dataclass(frozen=True)
class PrinterFaults:
    """What is wrong with the printer; replace `SimulatedPrinter.faults` at any time.

    Attributes:
        slow_s: Seconds that each label takes beyond its length at the print speed.
        half_open: Connections are accepted, nothing is read from them.
        silent: Reads and prints, but answers no query.
        dies_after_bytes: After so many more bytes the connection breaks and the port is closed.
        media_out_after: After so many more labels the media is out; what follows waits.
        ribbon_out: The ribbon is out; what was sent waits. Likewise `head_open`, `head_too_hot`.
        head_open: The head is open.
        head_too_hot: The head must cool down.
        answers_when_media_out: False: `~HS` and `~HQES` stay without answer while it cannot print.
        tells_only_errors: While it cannot print, `~HQES` is answered and `~HS` is not.
        refuse: The port is closed.
    """

    slow_s: float = 0.0
    half_open: bool = False
    silent: bool = False
    dies_after_bytes: int | None = None
    media_out_after: int | None = None
    ribbon_out: bool = False
    head_open: bool = False
    head_too_hot: bool = False
    answers_when_media_out: bool = True
    tells_only_errors: bool = False
    refuse: bool = False

    @property
    def stops_head(self) -> bool:
        """True when nothing comes out, whatever the media."""
        return self.ribbon_out or self.head_open or self.head_too_hot


class SimulatedPrinter:
    """A printer on a TCP port. One client at a time; further ones wait, as with a real one.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one and keeps it.
        faults: What is wrong from the start.
        on_label: Called with (raw format, time) as each label comes out, on the printing thread.
        record_path: Append-only file of labels; the lifetime counter goes on from it.
        clock: Seconds since the epoch.
        sleep: Waits the given seconds; only the printing itself uses it.
        speed_mm_s: Print speed until a label says otherwise (`^PR`); `AT_ONCE` never lets one.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: PrinterFaults | None = None,
        *,
        on_label: Callable[[bytes, float], None] | None = None,
        record_path: Path | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        speed_mm_s: float = SPEED_MM_S,
    ) -> None:
        self._host, self._port = host, port
        self._head = PrintHead(on_label, record_path, clock, sleep, speed_mm_s)
        self._stream = CommandStream()
        self._stopping = threading.Event()
        self._dead = False
        self._bytes_left: int | None = None
        self._listener: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, name="printer-port", daemon=True)
        self.faults = faults or PrinterFaults()

    @property
    def faults(self) -> PrinterFaults:
        """What is wrong with the printer at the moment."""
        return self._faults

    @faults.setter
    def faults(self, faults: PrinterFaults) -> None:
        self._faults = faults
        self._bytes_left = faults.dies_after_bytes
        self._head.slow_s = faults.slow_s
        self._head.limit_media(faults.media_out_after)
        self._head.block(faults.stops_head)

    @property
    def address(self) -> str:
        """Where it listens, as the station file writes it: `tcp://host:port`."""
        return f"tcp://{self._host}:{self._port}"

    @property
    def port(self) -> int:
        """The TCP port, known once it has been started."""
        return self._port

    @property
    def record(self) -> list[PrintedLabel]:
        """What came out, in order, from earlier runs too where there is a record file."""
        return self._head.record

    def start(self) -> None:
        """Opens the port and starts to serve."""
        if not self._faults.refuse:
            self._listener = self._open_listener()
        self._head.start()
        self._thread.start()

    def stop(self) -> None:
        """Closes everything; the label in progress still comes out."""
        self._stopping.set()
        self._head.stop()
        self._thread.join(timeout=10)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def revive(self, after_power_loss: bool = False) -> None:
        """Listens again after `dies_after_bytes`; a power loss also empties its memory."""
        if after_power_loss:
            self._stream = CommandStream()
            self._head.lose_power()
        self._bytes_left = None
        self._dead = False

    def load_media(self) -> None:
        """Ends "media out". Unless `^JZN` was sent, the label it stopped at comes out again."""
        self._head.load_media()

    def _open_listener(self) -> socket.socket:
        listener = socket.create_server((self._host, self._port), backlog=8)
        listener.settimeout(_POLL_S)
        self._port = listener.getsockname()[1]
        return listener

    @property
    def _is_down(self) -> bool:
        return self._dead or self._faults.refuse

    def _serve(self) -> None:
        while not self._stopping.is_set():
            if self._is_down:
                self._close_listener()
                self._stopping.wait(_POLL_S)
                continue
            try:
                self._listener = self._listener or self._open_listener()
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                logger.warning("simulated printer cannot listen: %s", error)
                self._stopping.wait(1.0)
                continue
            with client:
                self._serve_client(client)
        self._close_listener()

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _serve_client(self, client: socket.socket) -> None:
        client.settimeout(_POLL_S)
        while not (self._stopping.is_set() or self._is_down):
            try:
                data = client.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                return
            # Here, and not before reading, so that the fault holds from the moment it is set.
            while self._faults.half_open and not (self._stopping.is_set() or self._is_down):
                self._stopping.wait(_POLL_S)
            if not data or not self._understand(self._survivable(data), client):
                return

    def _understand(self, data: bytes, client: socket.socket) -> bool:
        """Obeys each command and answers the queries; False when the client has gone."""
        for command in self._stream.feed(data):
            answer = self._obey(command)
            if not answer or self._faults.silent:
                continue
            try:
                client.settimeout(_ANSWER_TIMEOUT_S)
                client.sendall(answer)
                client.settimeout(_POLL_S)
            except OSError:
                return False
        return True

    def _survivable(self, data: bytes) -> bytes:
        """Cuts the bytes off that arrive after its death, if it is to die now."""
        if self._bytes_left is None:
            return data
        taken = data[: self._bytes_left]
        self._bytes_left -= len(taken)
        self._dead = self._bytes_left == 0
        return taken

    def _obey(self, command: Command) -> bytes:
        match command:
            case Format():
                self._head.take_in(command)
            case GetVariable(name):
                return variable_reply(name, self._head.label_count, self._condition())
            case Control(name) if name in _STATUS_REPLIES:
                if self._answers(name):
                    return _STATUS_REPLIES[name](self._condition())
            case Control("JX"):
                self._stream.cancel_partial()
            case Control("JA"):
                self._head.cancel_all()
            case Control("PP" | "PS" as name):
                self._head.pause(name == "PP")
        return b""

    def _answers(self, name: str) -> bool:
        """Whether it answers this question for its status at the moment."""
        faults = self._faults
        if not (self._head.media_out or faults.stops_head):
            return True
        return faults.answers_when_media_out and not (faults.tells_only_errors and name == "HS")

    def _condition(self) -> Condition:
        head, faults = self._head, self._faults
        return Condition(
            paper_out=head.media_out,
            paused=head.paused or head.media_out or faults.stops_head,
            buffer_full=head.is_full,
            partial_format=self._stream.has_partial_format,
            head_up=faults.head_open,
            ribbon_out=faults.ribbon_out,
            head_too_hot=faults.head_too_hot,
            formats_in_buffer=head.formats_in_buffer,
            labels_remaining=head.labels_remaining,
            label_length_dots=head.length_dots,
            speed_in_s=head.speed_in_s,
            width_dots=head.width_dots,
        )
