"""Anything in any order: labels, accidents, time, crashes, a full disk. Judged by what came out."""

import contextlib
from collections.abc import Callable
from concurrent.futures import Future

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from physical_printer import ACCIDENTS, Killed, PhysicalPrinter

from beltmark.contract.catalogue import Product
from beltmark.contract.terms import Outcome, PrintState
from edge_agent.printing.committing import JournalUnavailable
from edge_agent.printing.records import LabelItem, LabelOrder, OpenLabel, Place
from edge_agent.printing.spooler import Spooler
from edge_agent.printing.spooler_ports import SpoolerSettings
from edge_agent.printing.states import SETTLED, check_transition

CARTON = Product(sku="C1", gtin="4006381333931", name="carton", class_name="carton")
PLACE = Place(300, 160, 999.0)


WHICH = st.integers(0, 1)


class KeptJournal:
    """The journal's rules without its disk; it outlives the spooler, as the file does."""

    def __init__(self) -> None:
        self.states: dict[str, PrintState] = {}
        self.baselines: dict[str, int] = {}
        self.printers: dict[str, str] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.closed: set[str] = set()
        self.is_full = False
        self.commits_to_live: int | None = None

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
        check_transition(item_id, self.states[item_id], after)
        self.states[item_id] = after
        if baseline is not None:
            self.baselines[item_id] = baseline
        if printer:
            self.printers[item_id] = printer
        self._committed()
        future.set_result(None)
        return future

    def close_label(self, item_id: str, at: float, detail: str) -> Future[None]:
        self.closed.add(item_id)
        self._committed()
        future: Future[None] = Future()
        future.set_result(None)
        return future

    def review(
        self,
        item_id: str,
        place: Place,
        rule: str,
        reason: str,
        label_state: PrintState | None = None,
    ) -> Future[None]:
        """As the desk does: with the label's step where the table has one."""
        if label_state is not None:
            check_transition(item_id, self.states[item_id], label_state)
            self.states[item_id] = label_state
        self.outcomes[item_id] = "REVIEW"
        self._committed()
        future: Future[None] = Future()
        future.set_result(None)
        return future

    def _committed(self) -> None:
        if self.commits_to_live is not None:
            self.commits_to_live -= 1
            if self.commits_to_live == 0:
                raise Killed

    def open_labels(self) -> list[OpenLabel]:
        return [
            OpenLabel(
                item_id,
                state,
                self.baselines.get(item_id),
                PLACE,
                self.outcomes[item_id],
                printer=self.printers.get(item_id),
            )
            for item_id, state in self.states.items()
            if state not in SETTLED and item_id not in self.closed
        ]


class Renderer:
    def render(self, order: LabelOrder) -> bytes:
        return order.item.item_id.encode()


class SpoolerMachine(RuleBasedStateMachine):
    addresses: tuple[str, ...] = ("first",)

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.journal = KeptJournal()
        self.printers = [PhysicalPrinter() for _ in self.addresses]
        for printer, address in zip(self.printers, self.addresses, strict=True):
            printer.address = address
            printer.outcome_of = lambda item_id: self.journal.outcomes[item_id]
        self.spooler = self.make()

    def make(self) -> Spooler:
        while True:
            with contextlib.suppress(Killed):
                return self.begin()

    def begin(self) -> Spooler:
        spooler = Spooler(
            self.printers[0],
            self.journal,
            Renderer(),
            self.journal,
            SpoolerSettings(stable_s=0.2, spare_after_s=0.3),
            spare=self.printers[1] if len(self.printers) > 1 else None,
            clock=lambda: self.now,
            steady=lambda: self.now,
        )
        spooler.recover(self.journal.open_labels())
        return spooler

    def turn(self, turns: int) -> None:
        for _ in range(turns):
            self.live(self.spooler.advance)
            self.now += 0.05

    def live(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Killed:
            self.the_agent_is_killed_and_started_again()

    def one(self, which: int) -> PhysicalPrinter:
        return self.printers[which % len(self.printers)]

    @rule(which=WHICH, accident=st.sampled_from(ACCIDENTS))
    def order(self, which: int, accident: str) -> None:
        self.one(which).accident = accident
        item_id = f"i{len(self.journal.states)}"
        self.journal.states[item_id], self.journal.outcomes[item_id] = "decided", "PRINT"
        item = LabelItem(item_id, "S", "belt-1", self.now, "carton")
        self.live(lambda: self.spooler.submit(LabelOrder(item, CARTON, PLACE)))

    @rule(turns=st.integers(1, 30))
    def advance(self, turns: int) -> None:
        self.turn(turns)

    @rule(seconds=st.sampled_from([0.3, 1.2, 4.0]))
    def time_passes_unused(self, seconds: float) -> None:
        self.now += seconds
        self.live(self.spooler.watch)

    @rule(commits=st.integers(1, 6))
    def the_agent_will_die_right_after_a_commit(self, commits: int) -> None:
        self.journal.commits_to_live = commits

    @rule(which=WHICH)
    def a_label_begins_to_come_out(self, which: int) -> None:
        self.one(which).has_begun = bool(self.one(which).buffer)

    @rule(which=WHICH)
    def a_label_comes_out(self, which: int) -> None:
        self.one(which).come_out()

    @rule(which=WHICH, is_reachable=st.booleans())
    def the_network_changes(self, which: int, is_reachable: bool) -> None:
        self.one(which).is_reachable = is_reachable
        self.one(which).is_connected &= is_reachable

    @rule(which=WHICH, answers=st.booleans())
    def the_printer_falls_silent_or_answers(self, which: int, answers: bool) -> None:
        self.one(which).answers = answers

    @rule(which=WHICH)
    def the_printer_loses_power(self, which: int) -> None:
        printer = self.one(which)
        printer.buffer.clear()
        printer.has_partial = printer.has_begun = printer.is_connected = False

    @rule(is_full=st.booleans())
    def the_disk_fills_or_frees(self, is_full: bool) -> None:
        """Only while no step waits for the disk: that wait is the spooler's thread's own."""
        if all(state in SETTLED for state in self.journal.states.values()):
            self.journal.is_full = is_full

    @rule()
    def the_agent_is_killed_and_started_again(self) -> None:
        for printer in self.printers:
            printer.is_connected = False
        self.journal.is_full = False
        self.spooler = self.make()

    @invariant()
    def no_item_has_two_labels(self) -> None:
        ever = self.came_out + [label for printer in self.printers for label in printer.buffer]
        assert len(set(ever)) == len(ever)

    @property
    def came_out(self) -> list[str]:
        return [label for printer in self.printers for label in printer.came_out]

    @invariant()
    def the_journal_says_what_is_true(self) -> None:
        for item_id, state in self.journal.states.items():
            if state == "printed":
                assert item_id in self.came_out
            elif state in ("failed", "late", "decided", "queued"):
                assert item_id not in self.came_out
                assert all(item_id not in printer.buffer for printer in self.printers)
            if state in ("failed", "late"):
                assert self.journal.outcomes[item_id] == "REVIEW"

    @invariant()
    def at_most_one_label_is_in_the_printer(self) -> None:
        assert all(len(printer.buffer) <= 1 for printer in self.printers)

    def teardown(self) -> None:
        """When all is mended, each item has its label or goes to a person."""
        for printer in self.printers:
            printer.is_reachable = printer.answers = True
            printer.accident = "none"
        self.journal.is_full, self.journal.commits_to_live = False, None
        for _ in range(8):
            for printer in self.printers:
                printer.come_out()
            self.turn(25)
        self.no_item_has_two_labels()
        self.the_journal_says_what_is_true()
        for item_id, state in self.journal.states.items():
            assert state in ("printed", "failed", "late", "unknown"), (item_id, state)
            if state != "printed":
                assert self.journal.outcomes[item_id] == "REVIEW"
        assert self.spooler.hold_reason is None


TestSpoolerMachine = SpoolerMachine.TestCase
TestSpoolerMachine.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)


class SparedSpoolerMachine(SpoolerMachine):
    """Begins with the spare's turn, and with counters that are easily taken for each other."""

    addresses = ("first", "spare")

    def __init__(self) -> None:
        super().__init__()
        self.printers[0].came_out.append("earlier")
        self.printers[0].is_reachable = False
        self.turn(10)


TestSparedSpoolerMachine = SparedSpoolerMachine.TestCase
TestSparedSpoolerMachine.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None
)
