"""What is decided with the motion gate and without it, over a belt that is often empty."""

import itertools
from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from beltmark.contract.release import load_release
from beltmark.demo.station import BUNDLED
from beltmark.simulation.world import World
from beltmark.simulation.world_plan import WorldPlan
from edge_agent.capture.frame import Frame
from edge_agent.printing.committing import JournalHealth
from edge_agent.printing.reading import Recollection
from edge_agent.printing.records import ItemDecision, LastSeen, Place
from edge_agent.station.geometry import StationGeometry
from edge_agent.station.station import StationSettings
from edge_agent.station_loop import StationLoop
from edge_agent.vision.detector import Detection, Detector
from edge_agent.vision.motion import MotionGate

FPS = 15.0
FRAMES = 480
RELEASE = load_release(BUNDLED / "release")
GEOMETRY = StationGeometry((0, 0, 480, 320), "right", 0.6)


@dataclass
class Desk:
    """Desk, journal and labels: notes what was decided."""

    decisions: list[ItemDecision] = field(default_factory=list)
    health: JournalHealth = field(default_factory=lambda: JournalHealth(None, 0.0))
    backlog: int = 0
    hold_reason: str | None = None

    def settle(self, decision: ItemDecision) -> None:
        self.decisions.append(decision)

    def divert_again(self, item_id: str, place: Place) -> None:
        raise AssertionError("nothing was decided before this began")

    def retry(self) -> None: ...

    def watch(self) -> None: ...

    def note_positions(self, items: list[LastSeen], speed_px_s: float | None) -> None: ...


class Looker:
    """The model; what it finds in a frame is found once."""

    def __init__(self) -> None:
        self._detector = Detector(RELEASE.package, threads=1)
        self._found: dict[int, list[Detection]] = {}
        self.looks = 0

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[Detection]:
        self.looks += 1
        key = id(image_bgr)
        if key not in self._found:
            self._found[key] = self._detector.detect(image_bgr)
        return self._found[key]


class BlindGate:
    """Sees no change whatever: it looks only when it must."""

    def __init__(self) -> None:
        self._looked_at = float("-inf")

    def must_look(self, image_bgr: NDArray[np.uint8], at: float, longest_s: float) -> bool:
        if at - self._looked_at < longest_s:
            return False
        self._looked_at = at
        return True


def film(seed: int) -> list[NDArray[np.uint8]]:
    plan = WorldPlan(seed=seed, products=RELEASE.catalogue.products, clearance_mm=800.0)
    world = World(plan)
    frames = []
    for index in range(FRAMES):
        jpeg = world.encode(world.step(index / FPS, permitted=True))
        frames.append(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))
    return frames


def decided(
    frames: list[NDArray[np.uint8]], looker: Looker, gate: MotionGate | BlindGate | None
) -> list[ItemDecision]:
    desk, numbers = Desk(), itertools.count()
    loop = StationLoop(
        geometry=GEOMETRY,
        release=RELEASE,
        settings=StationSettings(),
        detector=looker,
        journal=desk,
        desk=desk,
        labels=desk,
        recollection=Recollection(),
        gate=gate,
        clock=lambda: 0.0,
        item_ids=lambda: str(next(numbers)),
    )
    for index, image in enumerate(frames):
        loop.step(Frame(image, index, 1_000 + index / FPS))
    loop.finish()
    return desk.decisions


@pytest.mark.long
def test_the_gate_changes_no_decision_and_spares_the_model_an_empty_belt() -> None:
    frames, looker = film(seed=52), Looker()
    every = decided(frames, looker, None)
    assert looker.looks == FRAMES
    looker.looks = 0
    gated = decided(frames, looker, MotionGate(GEOMETRY.zone_xyxy_px))

    assert gated == every
    assert len(every) >= 3
    assert looker.looks < 0.85 * FRAMES, "it was empty for long enough to be passed over"

    blind = decided(frames, looker, BlindGate())
    outcomes = [(d.item_id, d.decision.outcome, d.decision.product) for d in every]
    assert [(d.item_id, d.decision.outcome, d.decision.product) for d in blind] == outcomes, (
        "an item of which the gate sees nothing is still found where it comes in"
    )
