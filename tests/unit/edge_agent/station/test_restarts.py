"""Kills at any moment, on a belt that stops a second after: no item twice, none without an outcome.

Pure: what a journal would have kept is kept here, the positions as rarely as the loop notes them.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beltmark.contract.catalogue import Catalogue, Product, gtin_check_digit
from beltmark.contract.package import InputSpec, Manifest, OutputSpec
from beltmark.contract.policy import Policy
from beltmark.contract.terms import Outcome
from edge_agent.station.geometry import BoxXyxyPx, StationGeometry
from edge_agent.station.items import Decided, Rules
from edge_agent.station.recovery import Remembered
from edge_agent.station.station import Station, StationSettings

CLASSES = ("carton", "can", "none_of_these")
FPS, SPEED_PX_S, LENGTH_PX, SIZE_PX = 15, 120.0, 480.0, 70.0
NOTE_EVERY = 4


def product(number: int, name: str) -> Product:
    digits = f"{number:012d}"
    gtin = digits + str(gtin_check_digit(digits))
    return Product(sku=name, gtin=gtin, name=name, class_name=name)


RULES = Rules(
    Manifest(
        name="test",
        classes=CLASSES,
        none_of_these="none_of_these",
        input=InputSpec(height_px=320, width_px=480),
        outputs=OutputSpec(embedding_size=1),
        files={"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
    ),
    Policy(),
    Catalogue(products=(product(1, "carton"), product(2, "can"))),
)


@dataclass(frozen=True)
class Seen:
    box_xyxy_px: BoxXyxyPx
    class_scores: NDArray[np.float32]
    score: float = 0.95


@dataclass
class World:
    """The belt and the journal: what a kill leaves."""

    pitches_px: list[float]
    classes: list[int]
    travel_px: float = 0.0
    now: float = 1_000.0
    noted: list[Remembered] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    decided: dict[int, list[Outcome]] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=itertools.count)
    history: list[tuple[float, float]] = field(default_factory=list)

    def places(self) -> list[float]:
        return [self.travel_px - start for start in itertools.accumulate(self.pitches_px)]

    def detections(self) -> list[Seen]:
        seen = []
        for x, index in zip(self.places(), self.classes, strict=True):
            left, right = max(0.0, x - SIZE_PX / 2), min(LENGTH_PX, x + SIZE_PX / 2)
            if right - left < SIZE_PX / 2:
                continue
            scores = np.full(len(CLASSES), 0.02, np.float32)
            scores[index] = 0.95
            seen.append(Seen((left, 120, right, 190), scores))
        return seen

    def take(self, decided: Decided) -> None:
        """Commits a decision, and finds out which item it truly meant, back then."""
        self.outcomes[decided.item_id] = decided.decision.outcome
        moved = self.travel_px - self.travel_at(decided.seen_at)
        places = [x - moved for x in self.places()]
        nearest = min(range(len(places)), key=lambda i: abs(places[i] - decided.x_px))
        self.decided.setdefault(nearest, []).append(decided.decision.outcome)

    def travel_at(self, at: float) -> float:
        times, travels = zip(*self.history, strict=True)
        return float(np.interp(at, times, travels))

    def move(self, seconds: float) -> None:
        self.travel_px += seconds * SPEED_PX_S


def run(world: World, frames: int) -> None:
    """One run of the agent, until it is killed after so many frames."""
    station = Station(
        StationGeometry((0, 0, LENGTH_PX, 320), speed_px_s=SPEED_PX_S),
        RULES,
        StationSettings(permit_timeout_s=1.0),
        lambda: f"i{next(world.ids)}",
        remembered=[
            Remembered(
                r.item_id,
                r.x_px,
                r.y_px,
                r.size_px,
                r.class_name,
                r.seen_at,
                world.outcomes.get(r.item_id),
            )
            for r in world.noted
        ],
    )
    for frame in range(frames):
        world.now += 1 / FPS
        if station.has_settled:
            world.move(1 / FPS)
        world.history.append((world.now, world.travel_px))
        for decided in station.observe(world.detections(), 480, 320, world.now).decided:
            world.take(decided)
        if station.has_settled and frame % NOTE_EVERY == 0:
            world.noted = [
                Remembered(
                    item.item_id,
                    item.track.x_px,
                    item.track.y_px,
                    item.track.size_px,
                    item.class_name,
                    item.track.seen_at,
                    None,
                )
                for item in station.items
            ]


@given(
    pitches=st.lists(st.floats(90, 400), min_size=3, max_size=8),
    classes=st.lists(st.sampled_from([0, 0, 1, 2]), min_size=8, max_size=8),
    kills=st.lists(
        st.tuples(st.integers(1, 60), st.floats(0.0, 1.0), st.floats(0.1, 30.0)),
        min_size=1,
        max_size=6,
    ),
)
@settings(max_examples=50, deadline=None)
def test_no_item_is_printed_twice_and_none_is_without_an_outcome(
    pitches: list[float], classes: list[int], kills: list[tuple[int, float, float]]
) -> None:
    world = World([150.0, *pitches], [*classes[: len(pitches)], 0])
    for frames, runs_on_s, away_s in kills:
        run(world, 12 + frames)
        begins = world.now
        world.history.append((begins, world.travel_px))
        world.move(min(runs_on_s, away_s))
        world.now = begins + away_s
        world.history.append((begins + min(runs_on_s, away_s), world.travel_px))
        world.history.append((world.now, world.travel_px))
    still_outside = [place < -SIZE_PX for place in world.places()]
    whole_way_s = (sum(world.pitches_px) + 2 * LENGTH_PX) / SPEED_PX_S
    run(world, round(whole_way_s * FPS) + 20)
    for item, place in enumerate(world.places()):
        assert place > LENGTH_PX
        outcomes = world.decided.get(item, [])
        assert outcomes.count("PRINT") <= 1
        assert outcomes, f"item {item} passed without an outcome"
        if CLASSES[world.classes[item]] == "none_of_these":
            assert "PRINT" not in outcomes
        elif still_outside[item]:
            assert outcomes == ["PRINT"]  # nothing disturbed it: caution has its bounds
