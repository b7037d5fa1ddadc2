"""Speaks with a printer in Zebra's words over a line of bytes: status, label count, cancelling.

How the bytes travel is the line's (`tcp.py`, `device.py`).
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from edge_agent.printing.printers.base import (
    PrinterBroken,
    PrinterError,
    PrinterStatus,
    PrinterUnreachable,
)
from edge_agent.printing.printers.profile import Profile, questions

_CANCEL_PARTIAL = b"~JX"
_CANCEL_ALL = b"~JA"
# Without it the printer reprints by itself after an error; it lasts until power-off, hence at
# every connection.
_NO_REPRINT = "^JZN"
_STATUS = b"~HS"
_ERRORS = b"~HQES"
_LABEL_COUNT = "odometer.total_label_count"

_MAX_ANSWER_BYTES = 4_096
_BLOCK = re.compile(rb"\x02([^\x02\x03]*)\x03")
_QUOTED = re.compile(rb'"([^"]*)"')
_FLAGS = rb":\s+[01]\s+[0-9A-F]{8}\s+([0-9A-F]{8})"
_ERROR_STATUS = re.compile(rb"ERRORS" + _FLAGS + rb"\s.*?WARNINGS" + _FLAGS, re.DOTALL)

# The bits of the first group of `~HQES`'s error flags.
_MEDIA_OUT, _RIBBON_OUT, _HEAD_OPEN, _PAUSED = 0x1, 0x2, 0x4, 0x10000
_OTHER_ERRORS = {
    0x8: "cutter fault",
    0x10: "head too hot",
    0x20: "motor too hot",
    0x40: "head element broken",
    0x80: "head not detected",
    0x100: "firmware configuration not valid",
    0x200: "head thermistor open",
}
_NAMED_ERRORS = _MEDIA_OUT | _RIBBON_OUT | _HEAD_OPEN | _PAUSED | sum(_OTHER_ERRORS)

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Deadlines:
    """How long a printer may take."""

    connect_s: float = 3.0
    write_s: float = 5.0
    answer_s: float = 1.0


class ByteLine(Protocol):
    """Carries bytes to a printer and back; every call ends by its deadline."""

    @property
    def address(self) -> str:
        """Where it leads."""
        ...

    def open(self, timeout_s: float) -> None:
        """Opens it; raises PrinterUnreachable."""
        ...

    def write(self, data: bytes, timeout_s: float) -> None:
        """Hands all bytes over; raises PrinterBroken with how many left until it failed."""
        ...

    def read(self, timeout_s: float) -> bytes:
        """Returns what comes next, empty when nothing came; raises PrinterBroken when it ended."""
        ...

    def close(self) -> None:
        """Closes it; never raises."""
        ...


_UNASKED = Profile()


class ZebraPrinter:
    """A printer that understands ZPL at the end of a line of bytes.

    Args:
        line: Carries the bytes.
        deadlines: How long it may take.
        clock: Seconds on a clock that is never set.
        profile: What it is asked for at each connection, and told to be.
    """

    confirms = True

    def __init__(
        self,
        line: ByteLine,
        deadlines: Deadlines,
        clock: Callable[[], float] = time.monotonic,
        profile: Profile = _UNASKED,
    ) -> None:
        self._profile = profile
        # How it differs from the profile, and what it does not tell; None: to be asked.
        self._differences: tuple[tuple[str, ...], tuple[str, ...]] | None = None
        self._line, self._deadlines, self._clock = line, deadlines, clock
        self._is_open = False
        self._answer_is_due = False

    @property
    def address(self) -> str:
        """The address it was opened with."""
        return self._line.address

    def connect(self) -> None:
        """Connects, cancels an unfinished format, forbids reprints; see `Printer.connect`."""
        if self._is_open:
            return
        self._line.open(self._deadlines.connect_s)
        self._is_open, self._answer_is_due = True, False
        try:
            settings = f"^XA{_NO_REPRINT}{self._profile.settings}^XZ"
            self._write(_CANCEL_PARTIAL + settings.encode("ascii"))
        except PrinterBroken as error:
            raise PrinterUnreachable(self.address, error.problem) from error

    def send(self, data: bytes) -> None:
        """Hands the bytes over; see `Printer.send`."""
        self._require_open()
        try:
            self._drain()
        except PrinterBroken as error:
            raise PrinterUnreachable(self.address, error.problem) from error
        self._write(data)

    def query_status(self) -> PrinterStatus | None:
        """Asks `~HS`, and `~HQES` where that has no whole answer in time; see `Printer`.

        Media out, ribbon out, an open head or a hot one can keep a printer from answering `~HS`.
        """
        status = self._ask(_STATUS, parse_host_status)
        if status is not None:
            differs, untold = self._ask_profile()
            return replace(status, mismatch="; ".join(differs), untold=untold)
        errors = self._ask(_ERRORS, parse_error_status)
        return errors if errors is not None and errors.faults else None

    def label_count(self) -> int | None:
        """Asks the odometer; None when the printer doesn't answer or doesn't know it."""
        value = self._ask_variable(_LABEL_COUNT)
        return int(value) if value is not None and re.fullmatch(r"\d{1,18}", value) else None

    def cancel_partial(self) -> None:
        """Sends `~JX`."""
        self._require_open()
        self._write(_CANCEL_PARTIAL)

    def cancel_all(self) -> None:
        """Sends `~JA`."""
        self._require_open()
        self._write(_CANCEL_ALL)

    def close(self) -> None:
        """Closes the line."""
        self._is_open = False
        self._differences = None  # behind the next one may be another printer
        self._line.close()

    def _ask_profile(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """How it differs from the profile and what it doesn't tell; asked once for a connection,
        and again while it differs, for that may be mended at its panel.
        """
        if self._differences is None or self._differences[0]:
            self._differences = (), ()  # a question without answer connects anew, and keeps this
            differs, untold = [], []
            for question in questions(self._profile):
                difference = question.differs(self._ask_variable(question.variable) or "")
                # What it does not tell is no mismatch: not every firmware knows the question.
                if difference is None:
                    untold.append(question.subject)
                elif difference:
                    differs.append(difference)
            self._differences = tuple(differs), tuple(untold)
        return self._differences

    def _ask_variable(self, name: str) -> str | None:
        return self._ask(f'! U1 getvar "{name}"\r\n'.encode("ascii"), parse_quoted)

    def _require_open(self) -> None:
        if not self._is_open:
            raise PrinterUnreachable(self.address, "not connected")

    def _write(self, data: bytes) -> None:
        try:
            self._line.write(data, self._deadlines.write_s)
        except PrinterError:
            self.close()
            raise

    def _read(self, timeout_s: float) -> bytes:
        try:
            return self._line.read(timeout_s)
        except PrinterError:
            self.close()
            raise

    def _drain(self) -> None:
        """Throws away what nobody asked for (alerts, the end of an odd answer)."""
        end = self._clock() + self._deadlines.answer_s
        while self._read(0.0) and self._clock() < end:
            pass

    def _ask(self, query: bytes, parse: Callable[[bytes], Answer | None]) -> Answer | None:
        self._require_open()
        if self._answer_is_due:
            # The late answer to an earlier question must not pass for the answer to this one (an
            # old label count is false evidence), and a new connection never carries it.
            differences = self._differences
            self.close()
            self.connect()
            self._differences = differences
        self._drain()
        self._write(query)
        end = self._clock() + self._deadlines.answer_s
        received = b""
        while len(received) < _MAX_ANSWER_BYTES and (left := end - self._clock()) > 0:
            received += self._read(left)
            answer = parse(received)
            if answer is not None:
                return answer
        self._answer_is_due = True
        return None


def parse_host_status(received: bytes) -> PrinterStatus | None:
    """Reads the three blocks of `~HS`; None while they are not whole or not right."""
    blocks = [block.split(b",") for block in _BLOCK.findall(received)]
    if len(blocks) < 3 or len(blocks[0]) < 12 or len(blocks[1]) < 11:
        return None
    first, second = blocks[0], blocks[1]
    numbers = (*first[1:3], *first[4:6], first[7], *second[2:4], second[8])
    if not all(re.fullmatch(rb"\d{1,9}", number) for number in numbers):
        return None
    return PrinterStatus(
        paper_out=first[1] != b"0",
        paused=first[2] != b"0",
        buffer_full=first[5] != b"0",
        partial_format=first[7] != b"0",
        head_up=second[2] != b"0",
        ribbon_out=second[3] != b"0",
        formats_in_buffer=int(first[4]),
        labels_remaining=int(second[8]),
    )


def parse_error_status(received: bytes) -> PrinterStatus | None:
    """Reads the errors of `~HQES`, which tells nothing of the buffer; None while not whole."""
    match = _ERROR_STATUS.search(received)
    if match is None:
        return None
    flags = int(match.group(1), 16)
    others = [word for bit, word in _OTHER_ERRORS.items() if flags & bit]
    if unnamed := flags & ~_NAMED_ERRORS:
        others.append(f"error {unnamed:08X}")
    return PrinterStatus(
        paper_out=bool(flags & _MEDIA_OUT),
        ribbon_out=bool(flags & _RIBBON_OUT),
        head_up=bool(flags & _HEAD_OPEN),
        paused=bool(flags & _PAUSED),
        other_faults=tuple(others),
        tells_buffer=False,
    )


def parse_quoted(received: bytes) -> str | None:
    """Reads the quoted value of an SGD answer; None while it is not whole."""
    match = _QUOTED.search(received)
    return match.group(1).decode("ascii", "replace") if match else None
