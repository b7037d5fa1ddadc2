"""Asks the printer how it is, and remembers since when. What to print is left to the spooler."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from edge_agent.printing.printers.base import Printer, PrinterError, PrinterStatus
from edge_agent.printing.verification import Evidence, weigh

logger = logging.getLogger(__name__)

Confirmation = Literal["counter", "none"]
"""How labels are confirmed: by the printer's lifetime counter, or not at all where a printer cannot
be asked; then "printed" means that it took all bytes."""

PrinterState = Literal["unasked", "ready", "fault", "silent", "down"]


@dataclass(frozen=True)
class PrinterHealth:
    """How the printer is.

    Attributes:
        state: ready; fault (it says what); silent (connected, no answer); down (no connection).
        told: The same for a person.
        since: When that began, in seconds since the epoch.
    """

    state: PrinterState
    told: str
    since: float


@dataclass(frozen=True)
class Ready:
    """The printer takes a label now.

    Attributes:
        baseline: Its label counter; None where it is not asked.
    """

    baseline: int | None


class PrinterWatch:
    """Conversations with one printer. For use from the spooler's thread only, but for `health`."""

    def __init__(
        self,
        printer: Printer,
        confirmation: Confirmation,
        clock: Callable[[], float],
        name: str = "printer",
    ) -> None:
        self._printer, self._confirmation, self._clock = printer, confirmation, clock
        self._name = name
        self._health = PrinterHealth("unasked", "not asked yet", clock())

    @property
    def address(self) -> str:
        """The printer's address."""
        return self._printer.address

    @property
    def health(self) -> PrinterHealth:
        """How the printer is, as far as it was asked."""
        return self._health

    @property
    def confirms(self) -> bool:
        """True where the printer can say what came out."""
        return self._confirmation == "counter" and self._printer.confirms

    def make_ready(self) -> Ready | None:
        """Connects if need be and asks; None while the printer takes no label."""
        try:
            return self._make_ready()
        except PrinterError as error:
            self.report("down", str(error))
            return None

    def evidence(self, baseline: int | None, copies: int = 1) -> Evidence:
        """Asks what became of the label before which the counter stood at `baseline`.

        Raises:
            PrinterError: There is no connection, or it broke.
        """
        self._printer.connect()
        # The status comes first: what leaves the buffer after it moves the counter asked after it.
        status = self._printer.query_status()
        count = self._printer.label_count()
        if status is not None and status.faults:
            self.report("fault", ", ".join(status.faults))
        elif count is None or status is None:
            self.report("silent", "connected, but does not answer")
        else:
            self.report("ready", "ready")
        if status is not None and status.partial_format:
            self._printer.cancel_partial()
        return weigh(baseline, count, status, copies)

    def send(self, data: bytes) -> None:
        """Hands a label over; see `Printer.send`."""
        self._printer.send(data)

    def cancel_all(self) -> None:
        """Lets the printer drop what has not begun to come out.

        Raises:
            PrinterError: There is no connection, or it broke.
        """
        self._printer.connect()
        self._printer.cancel_all()

    def close(self) -> None:
        """Closes the connection."""
        self._printer.close()

    def report(self, state: PrinterState, told: str) -> None:
        """Notes how the printer is; logs what is new."""
        if (state, told) == (self._health.state, self._health.told):
            return
        level = logging.INFO if state == "ready" else logging.WARNING
        shown = told if told.startswith(state) else f"{state}: {told}"
        logger.log(level, "%s: %s", self._name, shown)
        since = self._health.since if state == self._health.state else self._clock()
        self._health = PrinterHealth(state, told, since)

    def _make_ready(self) -> Ready | None:
        self._printer.connect()
        if not self.confirms:
            self.report("ready", "takes bytes; cannot be asked")
            return Ready(None)
        status = self._printer.query_status()
        obstacle = _obstacle(status)
        if obstacle is not None:
            self.report(*obstacle)
            if status is not None and status.partial_format:
                self._printer.cancel_partial()
            return None
        count = self._printer.label_count()
        if count is None:
            self.report("silent", "does not tell its label counter")
            return None
        self.report("ready", "ready")
        return Ready(count)


def _obstacle(status: PrinterStatus | None) -> tuple[PrinterState, str] | None:
    """What keeps a label from being sent now; None when nothing does."""
    if status is None:
        return "silent", "connected, but does not answer"
    if status.faults:
        return "fault", ", ".join(status.faults)
    if status.partial_format:
        return "fault", "holds a part of a label"
    if not status.is_idle:
        return "fault", "prints something that is not ours"
    return None
