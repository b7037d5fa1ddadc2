"""The station's outputs as one: run permit, divert with its confirmation, applicator.

What each is made of is left to `opening`, what the belt is held for to `fitness`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

from edge_agent.outputs.applicator import Applicator, ReviewDesk
from edge_agent.outputs.beat import PERMIT_TIMEOUT_S
from edge_agent.outputs.diverted import DivertWatch
from edge_agent.outputs.fates import Fates
from edge_agent.outputs.gpio_pulse import GpioPulse
from edge_agent.outputs.ports import OutputLine, WordLine
from edge_agent.printing.records import Place
from edge_agent.signals.input_thread import InputThread
from edge_agent.signals.ports import Edge

CONFIRM, RELEASE = "confirm", "release"
"""Names of the outputs' own inputs."""


class Outputs:
    """The station's outputs.

    Args:
        permit: Line that lets the belt run, if there is one.
        divert: Line that takes items off the belt, if there is one; it may be the same.
        diverts: Awaits that each divert is confirmed; None where nobody confirms.
        inputs: The inputs `confirm` and `release`, as far as there are any.
        applicator: What puts labels onto items and says so, if there is one.
        steady: Seconds on a clock that is never set.

    Attributes:
        stands: Whether the belt stood at the last `watch`, told to or for want of a permit.
    """

    def __init__(
        self,
        permit: OutputLine | None,
        divert: WordLine | None,
        *,
        diverts: DivertWatch | None = None,
        inputs: Sequence[InputThread] = (),
        applicator: Applicator | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._permit, self._divert, self.applicator = permit, divert, applicator
        self._diverts, self._own_inputs, self._steady = diverts, tuple(inputs), steady
        self._fates: Fates | None = None
        self._lost_since: float | None = None
        self.stands = False
        applies = None if applicator is None else applicator.line
        lines = [line for line in (permit, divert, applies) if line is not None]
        self.lines: tuple[OutputLine | GpioPulse, ...] = tuple(dict.fromkeys(lines))
        self.inputs = (*self._own_inputs, *(() if applicator is None else applicator.inputs))
        if divert is not None and diverts is not None:
            divert.hear(self._hear)

    @property
    def has_permit(self) -> bool:
        """Whether there is a run permit."""
        return self._permit is not None

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when no line and no input asks for it."""
        for line in self.lines:
            if (reason := line.hold_reason) is not None:
                return f"{line.address}: {reason}"
        for source in self.inputs:
            if source.health.problem is not None:
                return f"the input {source.name} cannot be heard: {source.health.problem}"
        return None

    @property
    def divert_hold_reason(self) -> str | None:
        """Likewise while items may still be on the belt; a person's word ends it."""
        return None if self._diverts is None else self._diverts.hold_reason

    @property
    def held_since(self) -> float | None:
        """Since when the belt was told to stand, on the steady clock; None where it may run."""
        return None if self._permit is None else self._permit.held_since

    def commit_through(
        self,
        fates: Fates,
        desk: ReviewDesk,
        left_there: str | None = None,
        left_at: Place | None = None,
    ) -> None:
        """Says who commits what became of items and labels; before `start`.

        Args:
            fates: Commits that items were diverted, and what became of labels.
            desk: Takes the items whose label was not applied.
            left_there: Item whose label may lie at the applicator from before the start.
            left_at: Where that item is, if it was still in the zone.
        """
        self._fates = fates
        if self.applicator is not None:
            self.applicator.commit_through(desk, fates, left_there, left_at)

    def divert(self, item_id: str, x_px: float, y_px: float, captured_at: float) -> None:
        """Has the item taken off that was at this place of the image then; returns at once.

        Where there is no divert, the item goes on, and the journal tells people of it.
        """
        if self._divert is None:
            return
        if self._diverts is not None:
            self._diverts.asked(item_id)
        self._divert.say(f"DIVERT {item_id} {x_px:.1f} {y_px:.1f} {captured_at:.3f}")

    def release(self) -> None:
        """A person has seen to the items whose divert was not confirmed."""
        if self._diverts is not None:
            for item_id in self._diverts.release():
                self._diverted(item_id, "a person says that it was seen to")

    def watch(self) -> None:
        """Lets time pass: what should have been confirmed by now stops the belt."""
        now = self._steady()
        stands = self.stands = self._stands(now)
        if self._diverts is not None:
            for item_id in self._diverts.advance(now, stands=stands):
                if self._fates is not None:
                    self._fates.note(item_id, "divert not confirmed", "the belt is held")
        if self.applicator is not None:
            self.applicator.watch(stands=stands)
        if self._fates is not None:
            self._fates.retry()

    def tell(self) -> dict[str, object]:
        """What stands in the status file."""
        return {
            "outputs": [{"address": line.address, **asdict(line.health)} for line in self.lines],
            "inputs": [
                {"name": source.name, "address": source.address, **asdict(source.health)}
                for source in self.inputs
            ],
            "applicator": None if self.applicator is None else self.applicator.tell(),
        }

    def start(self) -> None:
        """Begins to beat, to deliver and to listen."""
        for source in self._own_inputs:
            source.start(self._edge)
        if self.applicator is not None:
            self.applicator.start()
        for line in self.lines:
            line.start()

    def stop(self) -> None:
        """Lets the permit fall and delivers what is left."""
        for line in self.lines:
            line.stop()
        for source in self._own_inputs:
            source.stop()
        if self.applicator is not None:
            self.applicator.stop()

    def _stands(self, now: float) -> bool:
        if self._permit is None:
            return False
        if self._permit.health.problem is None:
            self._lost_since = None
        elif self._lost_since is None:
            self._lost_since = now
        held_since, lost_since = self.held_since, self._lost_since
        # A belt that nobody can tell anything runs on for as long as the last permit lasts.
        return (held_since is not None and held_since <= now) or (
            lost_since is not None and now - lost_since >= PERMIT_TIMEOUT_S
        )

    def _hear(self, words: str) -> None:
        match words.split():
            case ["DIVERTED", item_id] if self._diverts is not None:
                if self._diverts.confirm(item_id):
                    self._diverted(item_id, "the divert says so")

    def _edge(self, edge: Edge) -> None:
        if not edge.is_rising or self._diverts is None:
            return
        if edge.name == RELEASE:
            self.release()
        elif (item_id := self._diverts.confirm_next()) is not None:
            self._diverted(item_id, "seen at the gate, in its turn")

    def _diverted(self, item_id: str, told: str) -> None:
        if self._fates is not None:
            self._fates.diverted(item_id, told)
