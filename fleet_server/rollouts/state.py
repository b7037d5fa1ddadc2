"""How far a rollout is: a document, so that it is the same before and after a restart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from beltmark.contract.documents import Document
from beltmark.contract.terms import UpdateState

Status = Literal["running", "paused", "stopped", "aborted", "done"]
"""`stopped`: a gate did it; only a person goes on from there. `aborted`: a person ended it."""

Phase = Literal[
    "waiting", "asked", "updating", "running", "failed", "overdue", "recalling", "back", "overruled"
]
"""Of a device: in the wave and not asked yet; asked; it answered; runs the release; refused it or
went back by itself; took too long; asked to go back; back; somebody asked it for something else."""

IN_FLIGHT: Final[frozenset[Phase]] = frozenset(("asked", "updating"))
LOST: Final[frozenset[Phase]] = frozenset(("failed", "overdue"))
OVER: Final[frozenset[Status]] = frozenset(("stopped", "aborted", "done"))


class Member(Document):
    """A device of a rollout.

    Attributes:
        wave: Index of its wave.
        phase: How far it is.
        version: Of the desired state that it was asked for; 0 for none.
        previous: The release that it is to go back to; None where nobody knows one.
        waited_s: So long it has been on-line in this phase.
        since_s: When the phase began, by the rollout's own clock.
        since: Likewise, in seconds since the epoch.
        asked_at: When it was first asked, in seconds since the epoch; None for not yet.
        reason: Why, in the device's words or ours.
    """

    wave: int
    phase: Phase = "waiting"
    version: int = 0
    previous: str | None = None
    waited_s: float = 0.0
    since_s: float = 0.0
    since: float = 0.0
    asked_at: float | None = None
    reason: str = ""


class State(Document):
    """A rollout.

    Attributes:
        status: Whether it goes on.
        wave: Index of the current wave; -1 before the first.
        clock_s: Time that it was watched. It stands while no server runs, and no clock that is
            set moves it, so neither can fill a time that devices are to be observed for.
        members: Devices of the waves that have begun, by name.
        reason: Why it stands, or what it waits for.
    """

    status: Status = "running"
    wave: int = -1
    clock_s: float = 0.0
    members: Mapping[str, Member] = Field(default_factory=dict)
    reason: str = ""

    def of_wave(self, wave: int) -> dict[str, Member]:
        """The devices of a wave that are still the rollout's to tell."""
        return {
            name: each
            for name, each in self.members.items()
            if each.wave == wave and each.phase != "overruled"
        }

    def count(self, phases: Iterable[Phase]) -> int:
        """How many devices are in one of these phases."""
        wanted = set(phases)
        return sum(each.phase in wanted for each in self.members.values())


@dataclass(frozen=True)
class Fact:
    """What is known of a device now.

    Attributes:
        running: The release that it runs, by its own word.
        desired: The release that it is asked to run.
        version: Of that desired state; 0 for none.
        answered: The desired state that its last report is about.
        update: How far it is with that; None if it never said.
        reason: Its words.
        is_online: Whether it is heard.
    """

    running: str | None = None
    desired: str | None = None
    version: int = 0
    answered: int = 0
    update: UpdateState | None = None
    reason: str = ""
    is_online: bool = True


@dataclass(frozen=True)
class Order:
    """What is to be asked of a device."""

    device: str
    release: str
    is_recall: bool = False
