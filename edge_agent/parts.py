"""What a running station consists of. Building it is left to `app`, running it to `agent`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.capture.camera import Camera
from edge_agent.capture.health import HOLDS_ON, PictureFault
from edge_agent.evidence import EvidenceFolder
from edge_agent.fallback.opening import Ladder
from edge_agent.hand_requests import HandRequests
from edge_agent.outputs.fitness import Fitness
from edge_agent.outputs.outputs import Outputs
from edge_agent.outputs.seen_to import PersonsWord
from edge_agent.printing.by_hand import ByHand
from edge_agent.printing.desk import OutcomeDesk
from edge_agent.printing.journal import Journal
from edge_agent.printing.spooler import Spooler
from edge_agent.side_part import SidePart
from edge_agent.stages import Pulse, StageTimes
from edge_agent.station_loop import StationLoop

if TYPE_CHECKING:
    from edge_agent.membership import Membership
    from edge_agent.verification.verifier import Verifier


@dataclass(frozen=True)
class Parts:
    """What a station consists of; one that is on its own has no fleet.

    `beside` is what runs beside it and never holds it up, by name.
    """

    camera: Camera
    loop: StationLoop
    desk: OutcomeDesk
    spooler: Spooler
    journal: Journal
    evidence: EvidenceFolder
    outputs: Outputs
    fitness: Fitness
    pulse: Pulse
    times: StageTimes
    ladder: Ladder
    by_hand: ByHand
    seen_to: PersonsWord
    requests: HandRequests
    fleet: "Membership | None" = None
    beside: Mapping[str, SidePart] = field(default_factory=dict)
    verifier: "Verifier | None" = None


@dataclass(frozen=True)
class Identity:
    """Which station this is.

    Attributes:
        station: Its name.
        folder: Its data folder.
        camera_holds_on: Faults of the picture on which the belt is held.
        printer_holds_belt: Whether the belt stands while the printer takes no labels.
    """

    station: str
    folder: Path
    printer_holds_belt: bool
    camera_holds_on: tuple[PictureFault, ...] = HOLDS_ON
