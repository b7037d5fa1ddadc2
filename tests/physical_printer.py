"""A printer without sockets and time: what it holds, what came out, and accidents on the way."""

from collections.abc import Callable

from edge_agent.printing.printers.base import PrinterBroken, PrinterStatus, PrinterUnreachable

ACCIDENTS = (
    "none",
    "nothing left",
    "lost",
    "partly arrived",
    "arrived",
    "unreachable",
    "killed before",
    "killed after",
)


class Killed(BaseException):
    """The agent is no more."""


class PhysicalPrinter:
    """What is in its memory, and what came out of it.

    Attributes:
        outcome_of: The outcome of a label's item: PRINT as long as nobody has it.
    """

    address = "physical"
    confirms = True

    def __init__(self) -> None:
        self.buffer: list[str] = []
        self.came_out: list[str] = []
        self.has_partial = self.has_begun = False
        self.is_reachable = self.answers = True
        self.is_connected = False
        self.accident = "none"
        self.outcome_of: Callable[[str], str] = lambda label: "PRINT"

    def connect(self) -> None:
        if not self.is_reachable:
            self.is_connected = False
            raise PrinterUnreachable(self.address, "refused")
        if not self.is_connected:
            self.has_partial = False
        self.is_connected = True

    def send(self, data: bytes) -> None:
        accident, self.accident = self.accident, "none"
        if accident == "killed before":
            raise Killed
        if not (self.is_connected and self.is_reachable) or accident == "unreachable":
            self.is_connected = False
            raise PrinterUnreachable(self.address, "not connected")
        assert self.outcome_of(data.decode()) == "PRINT", "a person has this item"
        # A part left in the printer swallows what follows: the agent must have cancelled it.
        assert not self.has_partial
        if accident in ("none", "arrived", "killed after"):
            self.buffer.append(data.decode())
        if accident == "killed after":
            raise Killed
        if accident == "partly arrived":
            self.has_partial = True
        if accident != "none":
            self.is_connected = False
            left = 0 if accident == "nothing left" else len(data)
            raise PrinterBroken(self.address, "reset", handed_over=left)

    def query_status(self) -> PrinterStatus | None:
        self._listen()
        if not self.answers:
            return None
        return PrinterStatus(formats_in_buffer=len(self.buffer), partial_format=self.has_partial)

    def label_count(self) -> int | None:
        self._listen()
        return len(self.came_out) if self.answers else None

    def cancel_partial(self) -> None:
        self._listen()
        self.has_partial = False

    def cancel_all(self) -> None:
        self._listen()
        for item_id in self.buffer[self.has_begun :]:
            assert self.outcome_of(item_id) == "REVIEW", "this label is still wanted"
        del self.buffer[self.has_begun :]

    def come_out(self) -> None:
        if self.buffer:
            self.came_out.append(self.buffer.pop(0))
            self.has_begun = False

    def close(self) -> None:
        self.is_connected = False

    def _listen(self) -> None:
        if not (self.is_connected and self.is_reachable):
            self.is_connected = False
            raise PrinterBroken(self.address, "reset")
