"""A station with a photo-eye, with scripted detections and edges: what becomes of each item."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.catalogue import Catalogue, Product
from beltmark.contract.package import InputSpec, Manifest, OutputSpec
from beltmark.contract.policy import Policy
from edge_agent.station.eye_watch import EyeNews, EyePlace
from edge_agent.station.eye_words import EyeEdge
from edge_agent.station.geometry import BoxXyxyPx, StationGeometry
from edge_agent.station.items import Decided, EyePass, Item, Rules
from edge_agent.station.station import Station, StationSettings

FPS = 20.0
SPEED_PX_S = 120.0
GEOMETRY = StationGeometry((0, 0, 480, 320), speed_px_s=SPEED_PX_S)
BEFORE_LINE = EyePlace(place_px=240.0, tolerance_px=30.0)
BEHIND_LINE = EyePlace(place_px=380.0, tolerance_px=30.0)
RULES = Rules(
    Manifest(
        name="test",
        classes=("carton", "none_of_these"),
        none_of_these="none_of_these",
        input=InputSpec(height_px=320, width_px=480),
        outputs=OutputSpec(embedding_size=1),
        files={"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
    ),
    Policy(),
    Catalogue(
        products=(Product(sku="A", gtin="9521234500018", name="carton", class_name="carton"),)
    ),
)


@dataclass(frozen=True)
class Seen:
    box_xyxy_px: BoxXyxyPx
    class_scores: NDArray[np.float32]
    score: float = 0.95


@dataclass(frozen=True)
class Thing:
    """An item of 60 pixels; the camera sees it from `seen_from_px` on, by its front."""

    enters_at: float
    seen_from_px: float = 30.0
    breaks_beam: bool = True
    seen_until_px: float = 480.0


class Run:
    def __init__(self, place: EyePlace, things: Sequence[Thing], is_heard: bool = True) -> None:
        numbers = itertools.count(1)
        settings = StationSettings(eye=place)
        self.station = Station(GEOMETRY, RULES, settings, lambda: f"new{next(numbers)}")
        self.decided: list[Decided] = []
        self.fronts_px: list[float] = []
        self.at_eye: list[EyePass] = []
        self.still_here: list[Item] = []
        was_broken = False
        for frame in range(int(10 * FPS)):
            at = frame / FPS
            fronts = [(thing, SPEED_PX_S * (at - thing.enters_at)) for thing in things]
            beams = [f for thing, f in fronts if thing.breaks_beam]
            is_broken = any(f - 60 < place.place_px <= f for f in beams)
            edges = [EyeEdge(at, is_broken)] if is_broken != was_broken else []
            was_broken = is_broken
            seen = [
                self._seen(f)
                for thing, f in fronts
                if thing.seen_from_px <= f < thing.seen_until_px
            ]
            news = EyeNews(edges, is_heard=is_heard)
            update = self.station.observe(seen, 480, 320, at, eye=news)
            self.decided += update.decided
            self.at_eye += update.at_eye
            self.still_here += update.still_here
            if update.decided:
                self.fronts_px += [max(f for _, f in fronts if f < 480)] * len(update.decided)
        self.last_at = at

    def _seen(self, front_px: float) -> Seen:
        box = (max(0.0, front_px - 60), 130.0, front_px, 190.0)
        return Seen(box, np.array([0.95, 0.02], np.float32))

    def outcomes(self) -> list[tuple[str, str]]:
        return [(done.decision.outcome, done.decision.rule) for done in self.decided]

    def events(self) -> list[tuple[str, str]]:
        return [(event.what, event.item_id) for event in self.at_eye]


def test_an_item_is_decided_when_its_front_breaks_the_beam() -> None:
    run = Run(BEFORE_LINE, [Thing(1.0), Thing(3.0)])
    assert run.outcomes() == [("PRINT", "sure")] * 2
    assert all(abs(front - BEFORE_LINE.place_px) < 2 * SPEED_PX_S / FPS for front in run.fronts_px)
    assert run.events() == [("matched", "new1"), ("matched", "new2")]


def test_a_beam_behind_the_line_is_waited_for() -> None:
    run = Run(BEHIND_LINE, [Thing(1.0)])
    assert run.outcomes() == [("PRINT", "sure")]
    assert abs(run.fronts_px[0] - BEHIND_LINE.place_px) < 2 * SPEED_PX_S / FPS


def test_an_item_that_the_eye_does_not_tell_of_is_decided_once_it_is_past() -> None:
    run = Run(BEHIND_LINE, [Thing(1.0, breaks_beam=False)])
    assert run.outcomes() == [("PRINT", "sure")]
    assert run.fronts_px[0] > BEHIND_LINE.place_px + BEHIND_LINE.tolerance_px
    assert run.events() == [("missed", "new1")]


def test_an_eye_that_cannot_be_heard_or_only_counts_leaves_the_decision_to_the_line() -> None:
    for place, is_heard in ((BEHIND_LINE, False), (replace(BEHIND_LINE, decides=False), True)):
        run = Run(place, [Thing(1.0)], is_heard)
        assert run.outcomes() == [("PRINT", "sure")]
        assert abs(run.fronts_px[0] - 30 - GEOMETRY.line_px) < 2 * SPEED_PX_S / FPS


def test_an_item_that_nobody_saw_goes_to_a_person_from_where_the_beam_is() -> None:
    run = Run(BEFORE_LINE, [Thing(1.0), Thing(3.0, seen_from_px=999.0), Thing(5.0)])
    assert run.outcomes() == [
        ("PRINT", "sure"),
        ("REVIEW", "seen_by_photo_eye_only"),
        ("PRINT", "sure"),
    ]
    unseen = run.decided[1]
    where_px = unseen.x_px - SPEED_PX_S * (unseen.seen_at - 3.0) + 30
    assert abs(where_px) < 2 * SPEED_PX_S / FPS, "the place is that of its middle at that time"
    assert ("unseen", unseen.item_id) in run.events()
    assert len({done.item_id for done in run.decided}) == 3


def test_an_item_that_the_camera_sees_only_after_the_beam_is_the_one_that_the_eye_saw() -> None:
    for seen_from_px in (250.0, 330.0, 400.0):
        run = Run(BEFORE_LINE, [Thing(1.0), Thing(3.0, seen_from_px=seen_from_px), Thing(6.0)])
        ids = [done.item_id for done in run.decided]
        assert len(ids) == len(set(ids)) == 3, seen_from_px
        prints = [d for d in run.decided if d.decision.outcome == "PRINT"]
        assert len(prints) == 2, seen_from_px
        (review,) = [d for d in run.decided if d.decision.outcome == "REVIEW"]
        if review.decision.rule == "seen_by_photo_eye_only":
            assert [item.item_id for item in run.still_here] == [review.item_id]


def test_nobody_needs_to_look_but_while_something_is_in_the_beam() -> None:
    run = Run(BEFORE_LINE, [Thing(1.0)])
    station = run.station
    assert station.longest_unseen_s > 0.0
    news = EyeNews([EyeEdge(run.last_at + 0.05, True)])
    station.observe([], 480, 320, run.last_at + 0.05, eye=news)
    assert station.longest_unseen_s == 0.0


def test_an_item_lost_from_sight_shortly_before_the_beam_is_no_second_item() -> None:
    run = Run(BEHIND_LINE, [Thing(1.0, seen_until_px=300.0)])
    assert run.outcomes() == [("REVIEW", "lost")]
    assert run.events() == [("matched", "new1")]


def test_an_item_lost_long_before_the_beam_is_in_the_books_twice_rather_than_never() -> None:
    run = Run(BEHIND_LINE, [Thing(1.0, seen_until_px=200.0)])
    assert run.outcomes() == [("REVIEW", "lost"), ("REVIEW", "seen_by_photo_eye_only")]
