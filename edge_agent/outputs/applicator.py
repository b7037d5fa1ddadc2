"""What puts the labels onto the items: tells it, hears it, has committed what became of each.

What may follow on what is in `handshake`; when a label is sent is decided by the spooler, which
asks here first.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

from edge_agent.outputs.fates import Fates
from edge_agent.outputs.gpio_pulse import GpioPulse
from edge_agent.outputs.handshake import Effect, Handshake
from edge_agent.outputs.ports import WordLine
from edge_agent.printing.at_applicator import CLEARED, Unwanted
from edge_agent.printing.records import Place
from edge_agent.signals.input_thread import InputThread
from edge_agent.signals.ports import Edge

logger = logging.getLogger(__name__)


_TOLD: dict[Unwanted, str] = {
    "old": "perhaps, from before the start: look, and remove it",
    "with_a_person": "and its item has gone to a person: remove it",
}


_PERHAPS_APPLIED = "its label may or may not have been applied before the start"


class ReviewDesk(Protocol):
    """Takes the items that get no label."""

    def review(self, item_id: str, place: Place | None, rule: str, reason: str) -> "Future[None]":
        """See `OutcomeDesk.review`."""
        ...


class Applicator:
    """One applicator. For use from any thread.

    Args:
        timeout_s: Running time after which a label that came out must be on its item.
        line: Where it is told of a label: words or a pulse; None where it is not told.
        inputs: What it says by a level: `applied`, `fault` and `clear`, as far as there are any.
        steady: Seconds on a clock that is never set.
    """

    def __init__(
        self,
        timeout_s: float,
        line: WordLine | GpioPulse | None,
        inputs: Sequence[InputThread],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.line, self.inputs, self._steady = line, tuple(inputs), steady
        self._handshake = Handshake(timeout_s)
        self._lock = threading.RLock()
        self._places: dict[str, Place] = {}
        self._desk: ReviewDesk | None = None
        self._fates: Fates | None = None
        if line is not None and not isinstance(line, GpioPulse):
            line.hear(self.hear)

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still until a person has looked, or None.

        That its inputs can be heard is the outputs' to say.
        """
        with self._lock:
            return self._handshake.told if self._handshake.standing == "stuck" else None

    def commit_through(
        self,
        desk: ReviewDesk,
        fates: Fates,
        found: str | None = None,
        found_at: Place | None = None,
    ) -> None:
        """Says who commits; before `start`.

        Args:
            desk: Takes the items whose label did not get onto them.
            fates: Commits what became of labels.
            found: Item whose label may lie here from before the start.
            found_at: Where that item is, if it was still in the zone.
        """
        self._desk, self._fates = desk, fates
        if found is None:
            return
        if found_at is not None:
            self.came_out(found, found_at, "old")
        else:
            # It is out of sight, perhaps without its label: nobody can divert it, but know of it.
            desk.review(found, None, "label_not_applied", _PERHAPS_APPLIED)
            fates.void(found, _TOLD["old"])
            self._do(self._handshake.came_out(found, _TOLD["old"]))

    def start(self) -> None:
        """Begins to listen to the inputs; the line is started by its owner."""
        for source in self.inputs:
            source.start(self.edge)

    def stop(self) -> None:
        """Ends that."""
        for source in self.inputs:
            source.stop()

    @property
    def has_room(self) -> bool:
        """Whether a label may be sent to a printer now: one at a time lies at the applicator."""
        with self._lock:
            return self._handshake.standing == "free"

    def expect(self, item_id: str) -> None:
        """An item's label is about to be sent."""
        with self._lock:
            self._handshake.expect(item_id)

    def came_out(self, item_id: str, place: Place, unwanted: Unwanted | None = None) -> None:
        """A label came out, or perhaps did; see `ApplicatorGate.came_out`."""
        with self._lock:
            lying = self._handshake.item_id
            self._places = {i: p for i, p in self._places.items() if i == lying} | {item_id: place}
            self._do(self._handshake.came_out(item_id, _TOLD[unwanted] if unwanted else ""))
            if unwanted == "old" and self._desk is not None:
                self._desk.review(item_id, place, "label_not_applied", _PERHAPS_APPLIED)
            if unwanted and self._fates is not None:
                self._fates.void(item_id, _TOLD[unwanted])

    def gone(self, item_id: str) -> None:
        """A label that was to be sent surely does not come out."""
        with self._lock:
            self._handshake.gone(item_id)

    def hear(self, words: str) -> None:
        """Takes what the applicator says in words."""
        with self._lock:
            match words.split():
                case ["APPLIED", item_id]:
                    self._do(self._handshake.applied(item_id))
                case ["FAILED", item_id, *why] if item_id == self._handshake.item_id:
                    self._do(self._handshake.failed(" ".join(why) or "the applicator failed"))
                case ["CLEAR"]:
                    self._do(self._handshake.cleared("the applicator"))

    def edge(self, edge: Edge) -> None:
        """Takes what the applicator says by a level."""
        if not edge.is_rising:
            return
        with self._lock:
            match edge.name:
                # One that waits for our word has not applied what it was not told of: the contact
                # of the label before bounced.
                case "applied" if self.line is not None and self._handshake.standing == "expecting":
                    logger.info("%s: nothing had come out yet", edge.name)
                case "applied":
                    self._do(self._handshake.applied(None))
                case "fault":
                    self._do(self._handshake.failed("the applicator is at fault"))
                case "clear":
                    self._do(self._handshake.cleared("the clear input"))

    def clear(self, who: str) -> None:
        """Somebody says that nothing lies there any more."""
        with self._lock:
            self._do(self._handshake.cleared(who))

    def watch(self, *, stands: bool) -> None:
        """Lets time pass; now and then."""
        with self._lock:
            self._do(self._handshake.advance(self._steady(), stands=stands))

    def tell(self) -> dict[str, object]:
        """What stands in the status file."""
        with self._lock:
            handshake = self._handshake
            return {
                "state": handshake.standing,
                "item": None if handshake.standing == "free" else handshake.item_id,
                "told": handshake.told,
            }

    def _do(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect.what:
                case "apply":
                    self._tell(f"APPLY {effect.item_id}")
                case "cancel":
                    self._tell(f"CANCEL {effect.item_id}")
                case _:
                    self._commit(effect)

    def _tell(self, words: str) -> None:
        if isinstance(self.line, GpioPulse):
            if words.startswith("APPLY "):
                self.line.pulse()
        elif self.line is not None:
            self.line.say(words)

    def _commit(self, effect: Effect) -> None:
        if self._fates is None or self._desk is None:
            return
        match effect.what:
            case "applied":
                self._fates.applied(effect.item_id, effect.told)
            case "not_applied":
                logger.error("item %s: its label was not applied: %s", effect.item_id, effect.told)
                if (place := self._places.get(effect.item_id)) is not None:
                    reason = f"its label was not applied: {effect.told}"
                    self._desk.review(effect.item_id, place, "label_not_applied", reason)
                self._fates.void(effect.item_id, f"not applied: {effect.told}")
            case "cleared":
                logger.info("the applicator is clear, %s", effect.told)
                self._fates.note(effect.item_id, CLEARED, effect.told)
