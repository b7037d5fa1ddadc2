"""Sizes over time, with scripted outlines: which views are measured, and what comes of it."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from beltmark.contract.catalogue import Catalogue, Product
from beltmark.contract.package import InputSpec, Manifest, OutputSpec
from beltmark.contract.policy import Policy
from edge_agent.station.footprint import BeltPlane
from edge_agent.station.geometry import BoxXyxyPx, StationGeometry
from edge_agent.station.items import Decided, Rules
from edge_agent.station.station import Station, StationSettings

FPS, STEP_PX = 20.0, 6
BELT = StationGeometry((0, 0, 480, 320), speed_px_s=STEP_PX * FPS, plane=BeltPlane.of_scale(0.5))
MANIFEST = Manifest(
    name="test",
    classes=("carton", "can"),
    input=InputSpec(height_px=320, width_px=480),
    outputs=OutputSpec(embedding_size=1),
    files={"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
)
SMALL = Product(
    sku="S", gtin="9521234500018", name="Small", class_name="carton", length_mm=30, width_mm=20
)
LARGE = Product(
    sku="L", gtin="9521234500025", name="Large", class_name="carton", length_mm=50, width_mm=25
)
CAN = Product(sku="C", gtin="9521234500032", name="Can", class_name="can")


def rules(*products: Product) -> Rules:
    return Rules(MANIFEST, Policy(), Catalogue(products=products))


@dataclass(frozen=True)
class Seen:
    box_xyxy_px: BoxXyxyPx
    class_scores: NDArray[np.float32]
    score: float = 0.95


class Outlines:
    """Outlines that fill their boxes; None stands for a view that tells none."""

    def __init__(self, *, are_known: bool = True) -> None:
        self.asked: list[BoxXyxyPx] = []
        self._are_known = are_known

    def __call__(self, box_xyxy_px: BoxXyxyPx) -> NDArray[np.float32] | None:
        self.asked.append(box_xyxy_px)
        left, top, right, bottom = box_xyxy_px
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return np.array(corners, np.float32) if self._are_known else None


def passing(
    station: Station, outlines: Outlines, size_px: tuple[float, float], best: int = 0
) -> Decided:
    """One item crosses the belt; returns its decision."""
    scores = np.full(2, 0.02, np.float32)
    scores[best] = 0.95
    decided: list[Decided] = []
    now = 1_000.0
    for frame in range(110):
        x = STEP_PX * (frame - 20)
        detections = []
        if 10 <= x <= 470:
            half_x, half_y = size_px[0] / 2, size_px[1] / 2
            box = (max(0.0, x - half_x), 160 - half_y, min(480.0, x + half_x), 160 + half_y)
            detections = [Seen(box, scores)]
        decided += station.observe(detections, 480, 320, now, outlines).decided
        now += 1 / FPS
    (only,) = decided
    return only


def station(products: Rules, geometry: StationGeometry = BELT) -> Station:
    numbers = itertools.count(1)
    return Station(geometry, products, StationSettings(), lambda: f"i{next(numbers)}")


@pytest.mark.parametrize(
    ("size_px", "rule", "sku"),
    [
        ((60, 40), "sure", "S"),
        ((50, 100), "sure", "L"),
        ((80, 40), "no_size_fits", None),
    ],
)
def test_the_size_decides_between_products_of_one_class(
    size_px: tuple[float, float], rule: str, sku: str | None
) -> None:
    decision = passing(station(rules(SMALL, LARGE, CAN)), Outlines(), size_px).decision
    assert (decision.rule, decision.product and decision.product.sku) == (rule, sku)


def test_only_whole_views_before_the_decision_are_measured() -> None:
    outlines = Outlines()
    decided = passing(station(rules(SMALL)), outlines, (60, 40))
    assert outlines.asked
    assert min(box[0] for box in outlines.asked) > 3
    assert max(box[2] for box in outlines.asked) <= decided.x_px + 30


def test_nothing_is_measured_where_no_size_is_asked_for() -> None:
    outlines = Outlines()
    unsized = SMALL.model_copy(update={"length_mm": None, "width_mm": None})
    assert passing(station(rules(unsized)), outlines, (60, 40)).decision.rule == "sure"
    assert passing(station(rules(SMALL, CAN)), outlines, (60, 40), best=1).decision.rule == "sure"
    without_plane = station(rules(SMALL), replace(BELT, plane=None))
    assert passing(without_plane, outlines, (60, 40)).decision.rule == "sure"
    assert outlines.asked == []


def test_items_whose_outline_cannot_be_told_are_decided_as_without_sizes() -> None:
    outlines = Outlines(are_known=False)
    decision = passing(station(rules(SMALL, LARGE)), outlines, (60, 40)).decision
    assert decision.rule == "several_products"
    assert outlines.asked


def test_a_release_that_takes_over_brings_its_own_sizes() -> None:
    outlines = Outlines()
    running = station(rules(CAN))
    for frame in range(20):
        running.observe([], 480, 320, 900.0 + frame / FPS, outlines)
    running.adopt(rules(SMALL, LARGE))
    assert passing(running, outlines, (60, 40)).decision.product == SMALL
