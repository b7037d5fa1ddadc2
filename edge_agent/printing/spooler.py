"""Gets each committed label printed once and in time, or says why not: which printer takes it when.

What happens at a printer is left to `lane`, what waits for one to `waiting`.
"""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

from edge_agent.printing.at_applicator import ApplicatorGate, NoApplicator
from edge_agent.printing.label_steps import Label, LabelSteps
from edge_agent.printing.lane import PrinterLane
from edge_agent.printing.lane_thread import LaneThread
from edge_agent.printing.printer_watch import PrinterHealth, PrinterWatch
from edge_agent.printing.printers.base import Printer
from edge_agent.printing.records import LabelOrder, OpenLabel
from edge_agent.printing.spare import Turn
from edge_agent.printing.spooler_ports import (
    Hands,
    LabelJournal,
    LabelRenderer,
    Nobody,
    ReviewDesk,
    SpoolerSettings,
)
from edge_agent.printing.states import IN_PRINTER
from edge_agent.printing.waiting import WaitingLabels
from edge_agent.printing.window import Due, Window

logger = logging.getLogger(__name__)

_WORTH_TELLING_S = 0.1
_PERSONS_PATIENCE_S = 30.0
_NOBODY = Nobody()


class Spooler:
    """The labels of one station.

    Args:
        printer: The printer; nobody else uses it.
        journal: Where steps are committed.
        renderer: Draws the labels.
        desk: Takes the items that get none.
        settings: How long things may take.
        spare: Takes the labels while the first printer is unwell; None where there is none.
        applicator: Where the labels go that come out; None where nobody says what becomes of them.
        window: Says by when a label must be out; None takes the times of the settings.
        hands: The person who may wait at the printer.
        held_since: Since when the belt was told to stand, by `steady`; None while it may run.
        clock: Seconds since the epoch.
        steady: Seconds on a clock that is never set.
    """

    def __init__(
        self,
        printer: Printer,
        journal: LabelJournal,
        renderer: LabelRenderer,
        desk: ReviewDesk,
        settings: SpoolerSettings | None = None,
        *,
        spare: Printer | None = None,
        applicator: ApplicatorGate | None = None,
        window: Callable[[LabelOrder], Window] | None = None,
        hands: Hands = _NOBODY,
        held_since: Callable[[], float | None] = lambda: None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings or SpoolerSettings()
        self._window, self._clock, self._steady = window, clock, steady
        self._steps = LabelSteps(journal, desk, clock, hands.ended)
        self._applicator = applicator or NoApplicator()
        self._waiting = WaitingLabels(self._steps, held_since, steady, self._why_late, hands)
        named = {"printer": printer} if spare is None else {"printer": printer, "spare": spare}
        self._lanes = tuple(
            PrinterLane(
                PrinterWatch(used, self._settings.confirmation, clock, name),
                self._waiting,
                self._steps,
                renderer,
                self._settings,
                applicator=self._applicator,
                may_take=lambda lane: lane is self._current,
                # With one printer, that it is lost holds the belt anyway.
                holds_when_lost=spare is not None and self._settings.waits_for_printer,
                steady=steady,
            )
            for name, used in named.items()
        )
        self._threads = tuple(
            LaneThread(lane, partial(self._advance, lane), self._settings) for lane in self._lanes
        )
        self._turn = Turn(self._settings.spare_after_s)

    @property
    def health(self) -> PrinterHealth:
        """How the printer is that takes the labels now."""
        return self._current.health

    @property
    def printers(self) -> tuple[tuple[str, PrinterHealth], ...]:
        """Address and health of each printer, the first one first."""
        return tuple((lane.address, lane.health) for lane in self._lanes)

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when labels do not ask for it."""
        for lane in self._lanes:
            if (reason := lane.labels.hold_reason) is not None:
                return reason
        will_print = self._settings.waits_for_printer or self.health.state == "ready"
        return "a label is slow to come out" if will_print and self._waiting.is_slow else None

    def recover(self, labels: Sequence[OpenLabel]) -> None:
        """Takes over what an earlier run left; before `start`. None of it is ever sent."""
        now = self._steady()
        for found in labels:
            label = Label(
                found.item_id,
                found.place,
                None,
                Due(send_by=now),
                confirm_by=now + self._settings.confirm_timeout_s * found.copies,
                state=found.state,
                baseline=found.baseline,
                copies=found.copies,
                is_reviewed=found.outcome == "REVIEW",
            )
            if label.state in IN_PRINTER:
                self._lane_of(found, label).labels.recover(label)
            else:
                reason = "the agent stopped before its label was sent"
                self._steps.review(label, "label_not_sent", reason, "failed")

    def start(self) -> None:
        """Begins to print."""
        for thread in self._threads:
            thread.start()

    def submit(self, order: LabelOrder) -> None:
        """Takes a committed label; returns at once."""
        if order.place is None:
            due = Due(send_by=self._steady() + _PERSONS_PATIENCE_S)
            self._add(Label(order.item.item_id, None, order, due, due.send_by, "decided"))
            return
        item, settings = order.item, self._settings
        # Not the time of this call: looking and committing may have taken long.
        begun_at = order.place.captured_at if settings.is_live else item.decided_at
        lost_s = max(0.0, self._clock() - begun_at)
        window = settings.window if self._window is None else self._window(order)
        due = Due.of(window, self._steady() - lost_s)
        label = Label(item.item_id, order.place, order, due, due.send_by, "decided")
        there_were_s = window.send_within_s if window.hold_after_s is None else window.hold_after_s
        if lost_s >= max(there_were_s, _WORTH_TELLING_S):
            label.delay = (
                f"{lost_s:.1f} s of {there_were_s:.1f} s had gone by when its decision was "
                "written down: the device is slow"
            )
        self._add(label)

    @property
    def is_idle(self) -> bool:
        """Whether no label waits, is in a printer, or lies at the applicator."""
        with self._waiting.lock:  # one that moves meanwhile is in neither place
            is_none_left = not (len(self._waiting) or any(lane.labels.all for lane in self._lanes))
            return is_none_left and self._applicator.has_room

    def _add(self, label: Label) -> None:
        assert label.order is not None
        label.copies = label.order.product.copies
        self._waiting.add(label)
        for thread in self._threads:
            thread.wake()

    def watch(self) -> None:
        """Sends the items of late and unconfirmed labels to a person. For use from any thread: it
        must happen in time even while the printer keeps its own thread waiting.
        """
        self._waiting.watch()
        for lane in self._lanes:
            lane.labels.watch()
        self._take_turns()

    def advance(self) -> float:
        """Does the next thing at each printer; returns seconds until there may be more to do."""
        return min(self._advance(lane) for lane in self._lanes)

    def stop(self, timeout_s: float = 10.0) -> None:
        """Waits until what was taken is printed, late or unknown; then lets go of the printer."""
        for thread in self._threads:
            thread.stop()
        end = self._steady() + timeout_s
        if not all(thread.join(max(0.0, end - self._steady())) for thread in self._threads):
            self._tell_left()

    @property
    def _current(self) -> PrinterLane:
        """The lane that takes the labels now."""
        return self._lanes[self._turn.uses_spare]

    def _advance(self, lane: PrinterLane) -> float:
        self.watch()
        return lane.advance()

    def _take_turns(self) -> None:
        """Lets the spare printer take over, or the first one take back."""
        if len(self._lanes) == 1:
            return
        first, spare = self._lanes
        with self._waiting.lock:
            has_changed = self._turn.look(
                self._steady(),
                first_is_ready=first.health.state == "ready",
                first_is_quiet=not first.labels.all,
                spare_is_ready=spare.health.state == "ready",
            )
        if has_changed:
            logger.warning("labels go to %s from now on", self._current.address)
            for thread in self._threads:
                thread.wake()

    def _lane_of(self, found: OpenLabel, label: Label) -> PrinterLane:
        """The lane of the printer that got a label: no other one's counter proves anything."""
        if found.printer is None:  # noted by a version that knew one printer only
            return self._lanes[0]
        for lane in self._lanes:
            if lane.address == found.printer:
                return lane
        logger.warning(
            "item %s: its label went to %s, which is no printer of this station any more",
            found.item_id,
            found.printer,
        )
        label.baseline = None
        return self._lanes[0]

    def _tell_left(self) -> None:
        """What is not written down is at least said."""
        for label in (label for lane in self._lanes for label in lane.labels.all):
            logger.error(
                "item %s: its label is %s, and what became of it could not be written down in "
                "time: the next start asks the printer",
                label.item_id,
                label.state,
            )

    def _why_late(self) -> str:
        health = self.health
        return "" if health.state == "ready" else f"printer {health.state}: {health.told}"
