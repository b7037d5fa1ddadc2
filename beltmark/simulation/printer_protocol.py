"""What the simulated printer understands and says: splits the byte stream, words the answers.

Pure; the sockets, the time and the printing itself are in `printer.py`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_FORMAT_BYTES = 262_144
MAX_LINE_BYTES = 1_024
MAX_COPIES = 1_000

_STX, _ETX = b"\x02", b"\x03"
_OUTSIDE = re.compile(rb"\^XA|~HQ[A-Z]{2}|~(?!HQ)[A-Z]{2}|! ?U1 [^\r\n]*\r?\n", re.IGNORECASE)
_INSIDE = re.compile(rb"\^XZ|~HQ[A-Z]{2}|~(?!HQ)[A-Z]{2}", re.IGNORECASE)
# What could still become one of the above when more bytes arrive.
_UNFINISHED = re.compile(
    rb"(\^X?|~(H|HQ[A-Z]?|[A-Z])?|!( ?(U(1( [^\r\n]*\r?)?)?)?)?)\Z", re.IGNORECASE
)
_QUANTITY = re.compile(rb"\^PQ(\d+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\^LL(\d{1,5})", re.IGNORECASE)
_SPEED = re.compile(rb"\^PR(\d{1,2})", re.IGNORECASE)
_WIDTH = re.compile(rb"\^PW(\d{1,5})", re.IGNORECASE)
_DRAWS = re.compile(rb"\^(FD|FV|GB|GC|GD|GE|GF|GS|XG|XF|IM|IL)", re.IGNORECASE)
_GETVAR = re.compile(rb'! ?U1 getvar "([^"]*)"', re.IGNORECASE)


@dataclass(frozen=True)
class Format:
    """A whole `^XA … ^XZ`, as received (immediate commands taken out)."""

    raw: bytes

    @property
    def copies(self) -> int:
        """How many labels come out: `^PQ`; none for a format that only sets something."""
        if not _DRAWS.search(self.raw):
            return 0
        quantities = _QUANTITY.findall(self.raw)
        return min(int(quantities[-1]), MAX_COPIES) if quantities else 1

    @property
    def length_dots(self) -> int | None:
        """The label's length (`^LL`); None where the format leaves it as it was."""
        return _last(_LENGTH, self.raw)

    @property
    def width_dots(self) -> int | None:
        """The label's width (`^PW`); None where it stays as it was."""
        return _last(_WIDTH, self.raw)

    @property
    def speed_in_s(self) -> int | None:
        """The print speed in inches a second (`^PR`); None where it stays as it was."""
        return _last(_SPEED, self.raw)


def _last(pattern: re.Pattern[bytes], raw: bytes) -> int | None:
    numbers = [int(number) for number in pattern.findall(raw)]
    return numbers[-1] if numbers and numbers[-1] > 0 else None


@dataclass(frozen=True)
class Control:
    """A command that acts at once, also in the middle of a format: `~HS`, `~JX`, …"""

    name: str


@dataclass(frozen=True)
class GetVariable:
    """`! U1 getvar "name"`."""

    name: str


Command = Format | Control | GetVariable


class CommandStream:
    """The receive buffer: bytes in, whole commands out.

    It belongs to the printer, not to a connection: a format that a broken connection left
    unfinished stays, and whatever comes next is appended to it, until `cancel_partial`.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._format: bytearray | None = None

    @property
    def has_partial_format(self) -> bool:
        """True while a `^XA` has not seen its `^XZ`."""
        return self._format is not None

    def cancel_partial(self) -> None:
        """Forgets the unfinished format (`~JX`)."""
        self._format = None

    def feed(self, data: bytes) -> Iterator[Command]:
        """Takes bytes and yields each command as it becomes whole."""
        self._pending += data
        while True:
            inside = self._format is not None
            match = (_INSIDE if inside else _OUTSIDE).search(self._pending)
            if match is None:
                break
            token = bytes(match.group()).upper()
            before = bytes(self._pending[: match.start()])
            raw = bytes(match.group())
            del self._pending[: match.end()]
            self._keep(before)
            if token == b"^XA":
                self._format = bytearray(raw)
            elif token == b"^XZ":
                self._keep(raw)
                if self._format is not None:
                    whole, self._format = bytes(self._format), None
                    yield Format(whole)
            elif token.startswith(b"~"):
                yield Control(token[1:].decode("ascii"))
            elif variable := _GETVAR.match(raw):
                yield GetVariable(variable.group(1).decode("ascii", "replace"))
        self._keep_all_but_unfinished()

    def _keep(self, data: bytes) -> None:
        """Adds format data; what stands outside a format means nothing to the printer."""
        if self._format is None:
            return
        self._format += data
        if len(self._format) > MAX_FORMAT_BYTES:
            self._format = None

    def _keep_all_but_unfinished(self) -> None:
        unfinished = _UNFINISHED.search(self._pending)
        cut = unfinished.start() if unfinished else len(self._pending)
        if len(self._pending) - cut > MAX_LINE_BYTES:
            cut = len(self._pending)
        self._keep(bytes(self._pending[:cut]))
        del self._pending[:cut]


@dataclass(frozen=True)
class Condition:
    """Everything about the printer that its status answers tell."""

    paper_out: bool
    paused: bool
    buffer_full: bool
    partial_format: bool
    head_up: bool
    ribbon_out: bool
    formats_in_buffer: int
    labels_remaining: int
    head_too_hot: bool = False
    label_length_dots: int = 320
    speed_in_s: int = 6
    width_dots: int = 832


def host_status_lines(condition: Condition) -> tuple[str, str, str]:
    """The three lines of `~HS`, without their framing."""
    c = condition
    return (
        f"030,{c.paper_out:d},{c.paused:d},{c.label_length_dots:04d},{c.formats_in_buffer:03d},"
        f"{c.buffer_full:d},0,{c.partial_format:d},000,0,0,0",
        f"000,0,{c.head_up:d},{c.ribbon_out:d},1,2,6,0,{c.labels_remaining:08d},1,000",
        "1234,0",
    )


def host_status_reply(condition: Condition) -> bytes:
    """The answer to `~HS`: three lines, each between STX and ETX."""
    lines = host_status_lines(condition)
    return b"".join(_STX + line.encode("ascii") + _ETX + b"\r\n" for line in lines)


def error_status_reply(condition: Condition) -> bytes:
    """The answer to `~HQES`: error and warning bits, two groups of eight nibbles each."""
    c = condition
    errors = c.paper_out * 0x1 | c.ribbon_out * 0x2 | c.head_up * 0x4
    errors |= c.head_too_hot * 0x10 | c.paused * 0x10000
    text = (
        "\r\n  PRINTER STATUS                       \r\n"
        f"   ERRORS:         {int(errors != 0)} 00000000 {errors:08X} \r\n"
        "   WARNINGS:       0 00000000 00000000 \r\n"
    )
    return _STX + text.encode("ascii") + _ETX


def variable_reply(name: str, label_count: int, condition: Condition) -> bytes:
    """The answer to an SGD getvar: a quoted value, `"?"` for a name the printer doesn't know."""
    values = {
        "appl.name": "V84.20.18Z",
        "head.resolution.in_dpi": "203",
        "device.languages": "zpl",
        "media.speed": f"{condition.speed_in_s}.0",
        "ezpl.print_width": str(condition.width_dots),
        "ezpl.print_mode": "tear off",
        "ezpl.media_type": "gap/notch",
        "device.host_status": "\r\n".join(host_status_lines(condition)),
        "odometer.total_label_count": str(label_count),
    }
    return f'"{values.get(name.lower(), "?")}"'.encode("ascii")
