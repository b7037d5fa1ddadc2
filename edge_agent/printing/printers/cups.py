"""Prints through a queue of CUPS. Its "completed" means that the bytes were accepted, no more: what
came out is not known, and a label counts as printed once they were.

A job that does not leave the queue in time is cancelled, as is what an earlier run left in it: it
would come out later, onto whatever lies there.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Protocol

from edge_agent.printing.printers.base import (
    PrinterBroken,
    PrinterStatus,
    PrinterUnreachable,
    problem_of,
)
from edge_agent.printing.printers.ipp import Attributes, IppError, Operation, Reply, Value

USER = "beltmark"
_RAW = "application/vnd.cups-raw"
_POLL_S = 0.05
_ABORT_JOB = "abort-job"
_STOPPED = 5
_NO_FAULT = ("none", "report", "warning")


class _JobState(IntEnum):
    CANCELED = 7
    ABORTED = 8
    COMPLETED = 9


class Queue(Protocol):
    """A queue that can be asked."""

    @property
    def uri(self) -> str:
        """See `IppQueue.uri`."""
        ...

    def ask(self, operation: Operation, attributes: Attributes, data: bytes = b"") -> Reply:
        """See `IppQueue.ask`."""
        ...


class CupsPrinter:
    """A queue, with raw documents.

    Args:
        address: As the station file writes it.
        queue: The queue.
        timeout_s: How long a label may take to leave the queue.
        clock: Seconds on a clock that is never set.
        sleep: Waits the given seconds.
    """

    confirms = False

    def __init__(
        self,
        address: str,
        queue: Queue,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._address, self._queue, self._timeout_s = address, queue, timeout_s
        self._clock, self._sleep = clock, sleep
        self._told: Reply | None = None

    @property
    def address(self) -> str:
        """The address it was opened with."""
        return self._address

    def connect(self) -> None:
        """Asks the queue whether it takes jobs; the first time, cancels what is left in it."""
        told = self._ask(Operation.GET_PRINTER_ATTRIBUTES)
        if not told.is_done:
            raise PrinterUnreachable(self._address, f"no such queue (IPP status {told.status:#x})")
        if self._told is None:
            self._cancel_ours()
        self._told = told
        if (
            told.number("printer-state") == _STOPPED
            or not told.attributes.get("printer-is-accepting-jobs", (True,))[0]
        ):
            why = told.text("printer-state-message") or told.text("printer-state-reasons")
            self.close()
            raise PrinterUnreachable(self._address, f"the queue takes no jobs: {why}")

    def send(self, data: bytes) -> None:
        """Makes a job of the bytes and waits until CUPS has handed it over; see `Printer.send`."""
        try:
            made = self._queue.ask(
                Operation.PRINT_JOB,
                {
                    "requesting-user-name": (USER,),
                    "job-name": ("label",),
                    "document-format": (_RAW,),
                },
                data,
            )
        except ConnectionRefusedError as error:
            self.close()
            raise PrinterUnreachable(self._address, problem_of(error)) from error
        except (OSError, IppError) as error:
            self._give_up(str(error), len(data))
        if not made.is_done or (job := made.number("job-id")) is None:
            problem = f"CUPS refused the label (IPP status {made.status:#x})"
            raise PrinterBroken(self._address, problem)
        try:
            self._await_end(job, len(data))
        except (OSError, IppError) as error:
            self._give_up(str(error), len(data))

    def query_status(self) -> PrinterStatus | None:
        """What the queue says of itself, as it was asked last."""
        if self._told is None:
            raise PrinterUnreachable(self._address, "not connected")
        reasons = [str(told) for told in self._told.attributes.get("printer-state-reasons", ())]
        faults = tuple(told for told in reasons if not told.endswith(_NO_FAULT))
        return PrinterStatus(
            formats_in_buffer=self._told.number("queued-job-count") or 0, other_faults=faults
        )

    def label_count(self) -> int | None:
        """Not known here."""
        return None

    def cancel_partial(self) -> None:
        """A job is whole, or none."""

    def cancel_all(self) -> None:
        """Cancels all of our jobs that have not left."""
        self._cancel_ours()

    def close(self) -> None:
        """Forgets what it was told."""
        self._told = None

    def advice(self) -> Iterator[str]:
        """Yields what is to be changed at the queue, so that no label comes out later by itself."""
        told = self._told
        if told is None:
            return
        name = self._queue.uri.rpartition("/")[2]
        policy = told.text("printer-error-policy")
        if policy and policy != _ABORT_JOB:
            yield (
                f"its printer-error-policy is {policy}, which sends a failed label again later: "
                f"lpadmin -p {name} -o printer-error-policy={_ABORT_JOB}"
            )
        device = told.text("device-uri")
        if device.startswith("socket:") and "waiteof=false" not in device:
            place, _, options = device.partition("?")
            mended = f"{place.rstrip('/')}/?{options}{'&' if options else ''}waiteof=false"
            yield (
                "it waits for the printer to close the connection after each label: "
                f"lpadmin -p {name} -v '{mended}'"
            )

    def _await_end(self, job: int, size: int) -> None:
        end = self._clock() + self._timeout_s
        while self._clock() < end:
            told = self._queue.ask(Operation.GET_JOB_ATTRIBUTES, {"job-id": (job,), **_FROM_US})
            match told.number("job-state"):
                case _JobState.COMPLETED:
                    return
                case _JobState.ABORTED | _JobState.CANCELED:
                    why = told.text("job-printer-state-message") or told.text("job-state-reasons")
                    self.close()
                    raise PrinterBroken(self._address, f"CUPS gave the label up: {why}", size)
            self._sleep(_POLL_S)
        self._give_up("the label did not leave the queue in time, and was cancelled", size)

    def _give_up(self, problem: str, size: int) -> None:
        """What may be in the queue shall not come out later."""
        self.close()
        with contextlib.suppress(PrinterUnreachable):
            self._cancel_ours()
        raise PrinterBroken(self._address, problem, size)

    def _cancel_ours(self) -> None:
        """One by one: not every server lets a user cancel all of theirs at once."""
        ours = self._ask(Operation.GET_JOBS, _WAITING)
        for job in ours.attributes.get("job-id", ()):
            self._ask(Operation.CANCEL_JOB, {"job-id": (job,)})

    def _ask(self, operation: Operation, attributes: Attributes | None = None) -> Reply:
        try:
            return self._queue.ask(operation, {**(attributes or {}), **_FROM_US})
        except (OSError, IppError) as error:
            self.close()
            problem = problem_of(error) if isinstance(error, OSError) else str(error)
            raise PrinterUnreachable(self._address, problem) from error


_WAITING: Attributes = {"limit": (100,), "which-jobs": ("not-completed",), "my-jobs": (True,)}
_FROM_US: dict[str, tuple[Value, ...]] = {"requesting-user-name": (USER,)}
