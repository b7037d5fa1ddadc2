"""A spooler on the bench: scripted printers, their own clock, a journal in memory, a desk."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from beltmark.contract.catalogue import Product
from beltmark.contract.errors import InputError
from beltmark.contract.terms import PrintState
from edge_agent.printing.committing import JournalUnavailable
from edge_agent.printing.printers.base import PrinterBroken, PrinterStatus, PrinterUnreachable
from edge_agent.printing.records import LabelItem, LabelOrder, Place
from edge_agent.printing.spooler import Spooler
from edge_agent.printing.spooler_ports import SpoolerSettings
from edge_agent.printing.states import check_transition
from edge_agent.printing.window import Window

CARTON = Product(sku="C1", gtin="4006381333931", name="carton", class_name="carton")
PLACE = Place(300, 160, 999.0)


class Time:
    def __init__(self) -> None:
        self.now = 5_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class ScriptedPrinter:
    """A printer as its adapter shows it; `on_send` plays the accident."""

    address: str = "scripted"
    confirms: bool = True
    count: int | None = 100
    status: PrinterStatus | None = field(default_factory=PrinterStatus)
    is_reachable: bool = True
    is_connected: bool = False
    on_send: Callable[[bytes], None] | None = None
    sent: list[bytes] = field(default_factory=list)
    cancelled: int = 0
    dropped: int = 0
    has_begun: bool = False

    def connect(self) -> None:
        if not self.is_reachable:
            self.is_connected = False
            raise PrinterUnreachable(self.address, "connection refused")
        self.is_connected = True

    def send(self, data: bytes) -> None:
        if self.on_send is not None:
            self.on_send(data)
        self.sent.append(data)

    def query_status(self) -> PrinterStatus | None:
        self._listen()
        return self.status

    def label_count(self) -> int | None:
        self._listen()
        return self.count

    def cancel_partial(self) -> None:
        self.cancelled += 1
        if self.status is not None:
            self.status = replace(self.status, partial_format=False)

    def cancel_all(self) -> None:
        self._listen()
        self.dropped += 1
        if self.status is not None and not self.has_begun:
            self.status = replace(self.status, formats_in_buffer=0)

    def close(self) -> None:
        self.is_connected = False

    def _listen(self) -> None:
        if not (self.is_connected and self.is_reachable):
            raise PrinterBroken(self.address, "connection reset")

    def print_label(self) -> None:
        assert self.count is not None
        self.count += 1


class MemoryJournal:
    """Commits at once, refuses what the table refuses, fails while the disk is full."""

    def __init__(self) -> None:
        self.states: dict[str, PrintState] = {}
        self.baselines: dict[str, int | None] = {}
        self.printers: dict[str, str] = {}
        self.steps: list[tuple[str, PrintState]] = []
        self.closed: list[str] = []
        self.is_full = False

    def step_label(
        self,
        item_id: str,
        after: PrintState,
        at: float,
        *,
        baseline: int | None = None,
        printer: str = "",
        detail: str = "",
    ) -> Future[None]:
        future: Future[None] = Future()
        if self.is_full:
            future.set_exception(JournalUnavailable("disk full"))
            return future
        check_transition(item_id, self.states.get(item_id, "decided"), after)
        self.states[item_id] = after
        if baseline is not None:
            self.baselines[item_id] = baseline
        if printer:
            self.printers[item_id] = printer
        self.steps.append((item_id, after))
        future.set_result(None)
        return future

    def close_label(self, item_id: str, at: float, detail: str) -> Future[None]:
        future: Future[None] = Future()
        if self.is_full:
            future.set_exception(JournalUnavailable("disk full"))
            return future
        self.closed.append(item_id)
        future.set_result(None)
        return future


def _done() -> Future[None]:
    future: Future[None] = Future()
    future.set_result(None)
    return future


class Desk:
    def __init__(self, journal: MemoryJournal) -> None:
        self.journal = journal
        self.reviews: list[tuple[str, str]] = []
        self.reasons: list[str] = []
        self.last_steps: list[PrintState | None] = []
        self.committed: Future[None] | None = None

    def review(
        self,
        item_id: str,
        place: Place,
        rule: str,
        reason: str,
        label_state: PrintState | None = None,
    ) -> Future[None]:
        if label_state is not None:
            self.journal.step_label(item_id, label_state, 0.0)
        self.reviews.append((item_id, rule))
        self.reasons.append(reason)
        self.last_steps.append(label_state)
        return self.committed or _done()


class Renderer:
    def render(self, order: LabelOrder) -> bytes:
        if order.product.name == "unprintable":
            raise InputError("text too long", "shorten it", file="item.toml", field="name")
        return f"^XA^FD{order.item.serial}^FS^XZ".encode()


class Bench:
    """A spooler with everything around it."""

    def __init__(self, settings: SpoolerSettings | None = None) -> None:
        self.time, self.printer, self.journal = Time(), ScriptedPrinter(), MemoryJournal()
        self.desk = Desk(self.journal)
        self.settings = settings or SpoolerSettings()
        self.spare: ScriptedPrinter | None = None
        self.held_since: float | None = None
        self.window: Window | None = None
        self.spooler = self.make()

    def make(self) -> Spooler:
        return Spooler(
            self.printer,
            self.journal,
            Renderer(),
            self.desk,
            self.settings,
            spare=self.spare,
            window=None if self.window is None else self.told_window,
            held_since=lambda: self.held_since,
            clock=self.time,
            steady=self.time,
        )

    def told_window(self, order: LabelOrder) -> Window:
        assert self.window is not None
        return self.window

    def order(self, item_id: str, product: Product = CARTON, seen_before_s: float = 0.0) -> None:
        item = LabelItem(item_id, f"S-{item_id}", "belt-1", self.time.now, "carton")
        place = replace(PLACE, captured_at=self.time.now - seen_before_s)
        self.spooler.submit(LabelOrder(item, product, place))

    def run(self, seconds: float = 0.2) -> None:
        end = self.time.now + seconds
        while self.time.now < end:
            self.spooler.advance()
            self.time.now += 0.02

    def state(self, item_id: str) -> PrintState:
        return self.journal.states[item_id]
