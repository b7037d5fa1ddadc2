"""Measures a package per item: whole passes over simulated belts, through the station's own rules.

A station prints for items, not for boxes: many frames vote. So the operating point for a simulated
station is chosen here, from what its detector, tracker and decision make of items whose truth is
known. What a package reaches per box is measured in `evaluation`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from beltmark.contract.catalogue import Catalogue
from beltmark.contract.package import CurvePoint, ModelPackage
from beltmark.contract.policy import Policy
from beltmark.simulation.scene import SeenItem
from beltmark.simulation.world import World
from beltmark.simulation.world_plan import WorldPlan
from edge_agent.station.geometry import StationGeometry, centre_px
from edge_agent.station.items import Decided, Rules
from edge_agent.station.station import Station, StationSettings
from edge_agent.vision.detector import Detector

FPS = 15.0
DECIDE_AT = 0.6


@dataclass(frozen=True)
class JudgedItem:
    """One item that passed, and what a station without a threshold makes of it.

    Attributes:
        sku: The product's; None for a foreign object.
        printed_sku: What would be printed, threshold aside; None goes to a person.
        probability: How sure the station is of that.
    """

    sku: str | None
    printed_sku: str | None
    probability: float


def judge_items(
    package: ModelPackage,
    catalogue: Catalogue,
    seeds: Iterable[int],
    seconds: float,
    on_belt: Callable[[], None] = lambda: None,
) -> list[JudgedItem]:
    """Lets simulated belts pass a station; returns the items that it decided.

    Args:
        package: Whose detector looks.
        catalogue: The products that come, and that are printed.
        seeds: A belt for each.
        seconds: How long each runs.
        on_belt: Called after each belt.
    """
    detector = Detector(package)
    items: list[JudgedItem] = []
    for seed in seeds:
        items += _pass_belt(detector, package, catalogue, seed, seconds)
        on_belt()
    return items


def item_curve(items: Sequence[JudgedItem], thresholds: Sequence[float]) -> tuple[CurvePoint, ...]:
    """Tells, at each threshold, how many labels are right and how many products get theirs."""
    products = sum(item.sku is not None for item in items)
    points = []
    for threshold in thresholds:
        printed = [i for i in items if i.printed_sku is not None and i.probability >= threshold]
        right = sum(item.printed_sku == item.sku for item in printed)
        points.append(
            CurvePoint(
                threshold=threshold,
                precision=right / len(printed) if printed else 1.0,
                coverage=right / max(products, 1),
            )
        )
    return tuple(points)


def _pass_belt(
    detector: Detector, package: ModelPackage, catalogue: Catalogue, seed: int, seconds: float
) -> Iterator[JudgedItem]:
    world = World(WorldPlan(seed=seed, products=catalogue.products))
    view = world.plan.view
    numbers = count()
    station = Station(
        StationGeometry((0, 0, view.width_px, view.height_px), "right", DECIDE_AT),
        Rules(package.manifest, Policy(threshold=0), catalogue),
        StationSettings(),
        lambda: str(next(numbers)),
    )
    for index in range(int(seconds * FPS)):
        picture = world.step(index / FPS, permitted=True)
        detections = detector.detect(picture.image_bgr)
        update = station.observe(detections, view.width_px, view.height_px, index / FPS)
        skus = {i.item_id: i.product.sku if i.product else None for i in world.belt.items}
        for decided in update.decided:
            nearest = min(picture.seen, key=partial(_distance, decided))
            decision = decided.decision
            printed = decision.product.sku if decision.product else None
            yield JudgedItem(skus[nearest.item_id], printed, decision.probability or 0.0)


def _distance(decided: Decided, seen: SeenItem) -> float:
    x_px, y_px = centre_px(seen.box_xyxy_px)
    return float(((x_px - decided.x_px) ** 2 + (y_px - decided.y_px) ** 2) ** 0.5)
