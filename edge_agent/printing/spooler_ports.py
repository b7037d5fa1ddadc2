"""What the spooler needs of others, and its settings."""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from beltmark.contract.terms import PrintState
from edge_agent.printing.printer_watch import Confirmation
from edge_agent.printing.records import LabelOrder, Place
from edge_agent.printing.window import Window


class LabelJournal(Protocol):
    """Where each step of a label is committed."""

    def step_label(
        self,
        item_id: str,
        after: PrintState,
        at: float,
        *,
        baseline: int | None = None,
        printer: str = "",
        detail: str = "",
    ) -> "Future[None]":
        """See `Journal.step_label`."""
        ...

    def close_label(self, item_id: str, at: float, detail: str) -> "Future[None]":
        """See `Journal.close_label`."""
        ...


class LabelRenderer(Protocol):
    """Draws labels."""

    def render(self, order: LabelOrder) -> bytes:
        """Returns one label as the printer wants it; raises InputError where it cannot be drawn."""
        ...


class ReviewDesk(Protocol):
    """Takes the items that get no label, or perhaps none."""

    def review(
        self,
        item_id: str,
        place: Place | None,
        rule: str,
        reason: str,
        label_state: PrintState | None = None,
    ) -> "Future[None]":
        """See `OutcomeDesk.review`."""
        ...


class Hands(Protocol):
    """A person who waits at the printer; see `by_hand`."""

    @property
    def is_waiting(self) -> bool:
        """Whether the printer is that person's alone: no label for the belt is sent."""
        ...

    @property
    def may_print(self) -> bool:
        """Whether that person's label can get onto nothing else now: the belt stands."""
        ...

    def ended(self, item_id: str, state: PrintState) -> None:
        """Told of each label that the printer has done with, and its last state; returns at once,
        and calls nobody.
        """
        ...


class Nobody:
    """Nobody waits at the printer."""

    is_waiting = may_print = False

    def ended(self, item_id: str, state: PrintState) -> None:
        """Has no use for it."""


@dataclass(frozen=True)
class SpoolerSettings:
    """How long a label may take.

    Attributes:
        label_deadline_s: A label not sent by then after its decision is late, and is not sent.
        confirm_timeout_s: A label not confirmed by then after it was sent is unknown.
        hold_after_s: A label that has not come out by then after its decision holds the belt, so
            that its item waits for it; one printed at the usual pace does not make it stand. None
            where nothing moves, or nothing can hold it.
        waits_for_printer: Whether the belt is also held for a printer that takes no labels.
        is_live: Whether frames have the time of the clock: a label's time then begins with the
            frame that decided its item, for the item moves on while that is being looked at.
        confirmation: How the printer confirms.
        spare_after_s: So long the first printer must be unwell before the spare one takes labels,
            and well again before it takes them back.
        ask_period_s: Time between two questions while a label is awaited.
        idle_period_s: Time between two questions while there is nothing to print.
        stable_s: For so long nothing may change before "not printed" is believed.
    """

    label_deadline_s: float = 1.0
    confirm_timeout_s: float = 3.0
    hold_after_s: float | None = 0.5
    waits_for_printer: bool = True
    is_live: bool = False
    confirmation: Confirmation = "counter"
    spare_after_s: float = 5.0
    ask_period_s: float = 0.03
    idle_period_s: float = 2.0
    stable_s: float = 0.3

    @property
    def window(self) -> Window:
        """The times of a label whose window nothing else says."""
        return Window(self.label_deadline_s, self.hold_after_s)
