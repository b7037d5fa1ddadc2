"""The port through which the spooler talks to a printer, and what can go wrong with one.

When to print, and what a failure means for a label, is the spooler's; see `opening.open_printer`
for the adapters.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(eq=False)
class PrinterError(Exception):
    """The printer cannot be used at the moment.

    Attributes:
        address: The printer's address.
        problem: What happened.
    """

    address: str
    problem: str

    def __str__(self) -> str:
        return f"{self.address}: {self.problem}"


@dataclass(eq=False)
class PrinterUnreachable(PrinterError):  # noqa: N818 - the state's own name
    """There is no connection: nothing of what was to be sent has left."""


@dataclass(eq=False)
class PrinterBroken(PrinterError):  # noqa: N818 - the state's own name
    """The connection broke or stalled: what was sent may or may not have reached the printer.

    Attributes:
        handed_over: Bytes of this call that had left already; 0: surely none of them arrived.
    """

    handed_over: int = 0


@dataclass(frozen=True)
class PrinterStatus:
    """What the printer says of itself.

    Attributes:
        other_faults: What else keeps it from printing, in words.
        mismatch: How it differs from the printer that labels are drawn for; empty if it doesn't.
        untold: What of its profile it does not tell.
        tells_buffer: False where it named only its faults: what it still holds is not known then.
    """

    paper_out: bool = False
    paused: bool = False
    buffer_full: bool = False
    partial_format: bool = False
    head_up: bool = False
    ribbon_out: bool = False
    formats_in_buffer: int = 0
    labels_remaining: int = 0
    other_faults: tuple[str, ...] = ()
    mismatch: str = ""
    untold: tuple[str, ...] = ()
    tells_buffer: bool = True

    @property
    def faults(self) -> tuple[str, ...]:
        """What keeps it from printing, in words; empty when nothing does."""
        told = (
            (self.paper_out, "media out"),
            (self.ribbon_out, "ribbon out"),
            (self.head_up, "head open"),
            (self.paused, "paused"),
            (self.buffer_full, "buffer full"),
            (bool(self.mismatch), self.mismatch),
        )
        return (*(word for is_so, word in told if is_so), *self.other_faults)

    @property
    def is_idle(self) -> bool:
        """True when everything whole that it received has come out, as far as it said so."""
        return self.tells_buffer and self.formats_in_buffer == 0 and self.labels_remaining == 0


def problem_of(error: OSError) -> str:
    """What the operating system said, in a few words."""
    if isinstance(error, TimeoutError):
        return "no progress before the deadline"
    return (error.strerror or str(error)).lower()


class Printer(Protocol):
    """A label printer. Not for use by several threads at once; every call has a deadline.

    Every method except `close` may raise `PrinterError`; afterwards the connection is closed and
    `connect` begins afresh.
    """

    @property
    def address(self) -> str:
        """The address it was opened with."""
        ...

    @property
    def confirms(self) -> bool:
        """False where it can never be asked what came out."""
        ...

    def connect(self) -> None:
        """Connects, cancels a format that an earlier connection left unfinished, and keeps the
        printer from reprinting by itself (`^JZN`). Without effect when connected.

        Raises:
            PrinterUnreachable: Nobody is there.
        """
        ...

    def send(self, data: bytes) -> None:
        """Hands the bytes over. Return means that they left, not that they came out as a label.

        Raises:
            PrinterUnreachable: Not connected; none of the bytes left.
            PrinterBroken: Some of the bytes may have arrived.
        """
        ...

    def query_status(self) -> PrinterStatus | None:
        """Asks for the status, or at least for what is wrong; None when it tells neither."""
        ...

    def label_count(self) -> int | None:
        """Asks how many labels came out in its life; None when the printer doesn't answer."""
        ...

    def cancel_partial(self) -> None:
        """Lets the printer forget a format that is not whole yet; what is whole stays."""
        ...

    def cancel_all(self) -> None:
        """Lets the printer drop all that it holds; a label that has begun still comes out."""
        ...

    def close(self) -> None:
        """Closes the connection; never raises."""
        ...
