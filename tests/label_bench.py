"""Journal, desk, spooler and a person's labels, all true, on a printer without sockets; the test
turns the spooler's thread by hand and moves the clock.
"""

import sqlite3
import threading
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from physical_printer import Killed, PhysicalPrinter

from beltmark.contract.catalogue import Product
from beltmark.contract.layout import Layout
from edge_agent.outputs.applicator import Applicator
from edge_agent.outputs.fates import Fates
from edge_agent.printing.by_hand import ByHand
from edge_agent.printing.desk import OutcomeDesk
from edge_agent.printing.journal import Journal
from edge_agent.printing.reading import read_items
from edge_agent.printing.records import ItemDecision, LabelOrder, Place
from edge_agent.printing.spooler import Spooler
from edge_agent.printing.spooler_ports import SpoolerSettings
from edge_agent.signals.ports import SignalHealth
from edge_agent.station.decision import Decision

CARTON = Product(sku="C1", gtin="4006381333931", name="carton", class_name="carton")
CAN = Product(sku="C2", gtin="96385074", name="can", class_name="can")
PRINT = Decision("PRINT", "sure", "", "carton", 0.99, CARTON)
REVIEW = Decision("REVIEW", "unsure", "looks like a can", "can", 0.4)
LAYOUT = Layout(name="item", width_mm=50, height_mm=30, zpl="^XA^FDa^FS^XZ")
RELEASE: Any = SimpleNamespace(
    catalogue=SimpleNamespace(products=(CARTON, CAN)), layouts={"item": LAYOUT}
)
TURN_S = 0.05


class DyingJournal:
    """The journal as desk and spooler know it; the process may die right after a commit."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.commits_to_live: int | None = None

    def record(self, decision: ItemDecision) -> "Future[Any]":
        return self._journal.record(decision)

    def review(self, *args: Any, **more: Any) -> "Future[None]":
        return self._committed(self._journal.review(*args, **more))

    def step_label(self, *args: Any, **more: Any) -> "Future[None]":
        return self._committed(self._journal.step_label(*args, **more))

    def close_label(self, *args: Any, **more: Any) -> "Future[None]":
        return self._committed(self._journal.close_label(*args, **more))

    def _committed(self, future: "Future[None]") -> "Future[None]":
        # Not on the journal's own thread, where the desk hands labels on: it must go on here.
        is_mortal = threading.current_thread() is threading.main_thread()
        if self.commits_to_live is not None and is_mortal:
            self.commits_to_live -= 1
            if self.commits_to_live <= 0:
                self.commits_to_live = None
                self._journal.flush()
                raise Killed
        return future


class Renderer:
    def render(self, order: LabelOrder) -> bytes:
        return f"{order.item.item_id} {order.item.serial}".encode()


class SaidLine:
    """Keeps what is said to the applicator; `hear` is its own word."""

    address, hold_reason, held_since = "tcp://relay:7000", None, None
    health = SignalHealth(None, 0.0)

    def __init__(self) -> None:
        self.said: list[str] = []

    def hear(self, listener: object) -> None:
        """The test speaks to the applicator itself."""

    def say(self, words: str) -> None:
        self.said.append(words)

    def start(self) -> None:
        """Nothing is to be opened."""

    def stop(self) -> None:
        """Nothing is to be closed."""


class LabelBench:
    """A station's labels; `start` is also a restart.

    Attributes:
        applicator: Where they go, if there is one.
        held_since: Since when the belt stands; None while it runs.
        diverted: Items that were diverted.
    """

    def __init__(
        self,
        folder: Path,
        *,
        moves: bool = True,
        has_permit: bool = True,
        has_applicator: bool = False,
    ) -> None:
        self.path = folder / "journal.sqlite3"
        self._moves, self._has_permit = moves, has_permit
        self._has_applicator = has_applicator
        self.now = 1_000.0
        self.printer = PhysicalPrinter()
        self.held_since: float | None = None
        self.diverted: list[str] = []
        self.start()

    def start(self) -> None:
        while True:
            self.printer.is_connected = False
            self.journal = Journal(self.path, "belt-1", lambda: self.now, boot="this")
            self.dying = DyingJournal(self.journal)
            self.desk = OutcomeDesk(self.dying, self, lambda: self.now)
            left = self.journal.recollection
            self.fates = Fates(self.journal, lambda: self.now)
            self.applicator: Applicator | None = None
            if self._has_applicator:
                self.applicator = Applicator(1.5, SaidLine(), (), lambda: self.now)
                self.applicator.commit_through(self.desk, self.fates, *left.left_at_applicator)
            self.by_hand = ByHand(
                self.journal,
                lambda: RELEASE,
                is_idle=lambda: self.spooler.is_idle,
                printer_problem=lambda: (
                    None if self.spooler.health.state == "ready" else self.spooler.health.told
                ),
                moves=self._moves,
                has_permit=self._has_permit,
                held_since=lambda: self.held_since,
                left=left.in_hand,
                left_is_open=left.in_hand in {label.item_id for label in left.open_labels},
                clock=lambda: self.now,
                steady=lambda: self.now,
            )
            self.spooler = Spooler(
                self.printer,
                self.dying,
                Renderer(),
                self.desk,
                SpoolerSettings(stable_s=0.2),
                hands=self.by_hand,
                applicator=self.applicator,
                held_since=lambda: self.held_since,
                clock=lambda: self.now,
                steady=lambda: self.now,
            )
            self.desk.print_through(self.spooler)
            self.by_hand.print_through(self.spooler)
            try:
                self.spooler.recover(left.open_labels)
            except Killed:
                self.journal.close()
                continue
            self.flush()
            return

    def kill(self) -> None:
        """The agent dies and is started again; the journal's thread ends what it was given."""
        self.journal.close()
        self.start()

    def divert(self, item_id: str, x_px: float, y_px: float, captured_at: float) -> None:
        self.diverted.append(item_id)

    def decide(self, item_id: str, decision: Decision = PRINT) -> None:
        new = ItemDecision(
            item_id, self.now, Place(300, 160, self.now), decision, "r", "a" * 64, LAYOUT
        )
        self.desk.settle(new)
        self.flush()

    def flush(self) -> None:
        """Waits for what was put in, and for what the desk puts in when that is committed."""
        self.journal.flush()
        self.journal.flush()

    def turn(self, turns: int = 1) -> None:
        for _ in range(turns):
            self.hold()
            try:
                if self.applicator is not None:
                    self.applicator.watch(stands=self.held_since is not None)
                self.spooler.advance()
            except Killed:
                self.kill()
            self.flush()
            self.now += TURN_S

    def hold(self) -> None:
        """Lets the belt stand while anything asks for it, as the station does."""
        jam = None if self.applicator is None else self.applicator.hold_reason
        if not (self.by_hand.hold_reason or self.spooler.hold_reason or jam):
            self.held_since = None
        elif self.held_since is None:
            self.held_since = self.now

    def states(self) -> dict[str, str | None]:
        return {item.item_id: item.label_state for item in read_items(self.path)}

    def outcomes(self) -> dict[str, str]:
        return {item.item_id: item.outcome for item in read_items(self.path)}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        self.flush()
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(query).fetchall()
