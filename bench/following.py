"""Follows items over simulated belts that slow, stand and run back, and counts what became of them.

Boxes without pictures, thousands of items in a minute: what is measured is the station's following
and deciding. A label counts for the item whose box was decided; identity switches and IDF1 are
those of multiple object tracking (Bernardin 2008, Ristani 2016).
"""

import argparse
import itertools
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import lap
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.catalogue import Catalogue, Product, gtin_check_digit
from beltmark.contract.package import InputSpec, Manifest, OutputSpec
from beltmark.contract.policy import Policy
from beltmark.simulation.box_belt import BoxBeltPlan, BoxFrame, box_frames, random_plan
from edge_agent.station.geometry import BoxXyxyPx, StationGeometry
from edge_agent.station.items import Decided, Rules
from edge_agent.station.station import Station, StationSettings

CLASSES = ("carton", "can", "pouch")
_BEGUN_AT = 1_000.0


@dataclass(frozen=True)
class Box:
    """A detection."""

    box_xyxy_px: BoxXyxyPx
    class_scores: NDArray[np.float32]
    score: float


@dataclass
class Identities:
    """Which identity each item had in each frame.

    Attributes:
        frames: Frames that an item and an identity share.
        boxes: Boxes of items in all.
        given: Boxes with an identity.
        switches: How often an item's identity changed.
    """

    frames: Counter[tuple[int, str]] = field(default_factory=Counter)
    boxes: int = 0
    given: int = 0
    switches: int = 0
    _latest: dict[int, str] = field(default_factory=dict)

    def add(self, of_item: int, identity: str | None) -> None:
        """One item in one frame; None where it was not followed."""
        self.boxes += 1
        if identity is None:
            return
        self.given += 1
        self.frames[of_item, identity] += 1
        self.switches += self._latest.get(of_item, identity) != identity
        self._latest[of_item] = identity

    @property
    def idf1(self) -> float:
        """Share of the boxes with the right identity, each item's identity chosen once."""
        if not self.frames:
            return 1.0
        items = sorted({item for item, _ in self.frames})
        identities = sorted({identity for _, identity in self.frames})
        shared = np.zeros((len(items), len(identities)))
        for (item, identity), count in self.frames.items():
            shared[items.index(item), identities.index(identity)] = count
        _, columns, _ = lap.lapjv(-shared, extend_cost=True)
        right = sum(shared[row, column] for row, column in enumerate(columns) if column >= 0)
        return float(2 * right / (self.boxes + self.given))


@dataclass
class Followed:
    """What became of the items of one belt.

    Attributes:
        items: How many passed.
        printed: Labels per item.
        reviewed: Reviews per item.
        rules: What decided, and how often.
        wrong: Labels of another class than their item's.
        identities: Who was whom.
    """

    items: int
    printed: Counter[int] = field(default_factory=Counter)
    reviewed: Counter[int] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    identities: Identities = field(default_factory=Identities)

    @property
    def twice(self) -> int:
        """Labels beyond an item's first."""
        return sum(count - 1 for count in self.printed.values())

    def undecided(self, plan: BoxBeltPlan) -> list[int]:
        """Items that nobody decided."""
        decided = self.printed.keys() | self.reviewed.keys()
        return [item.item_id for item in plan.items if item.item_id not in decided]


def follow(
    plan: BoxBeltPlan,
    *,
    knows_speed: bool = False,
    measures_way: bool = False,
    settings: StationSettings | None = None,
) -> Followed:
    """Lets a station follow the items of a belt.

    Args:
        plan: The belt.
        knows_speed: Whether its speed is in the settings.
        measures_way: Whether an encoder tells how far the belt came.
        settings: The station's.
    """
    geometry = StationGeometry(
        (0, 0, plan.width_px, plan.height_px), speed_px_s=plan.speed_px_s if knows_speed else None
    )
    numbers = itertools.count(1)
    station = Station(
        geometry, box_rules(), settings or StationSettings(), lambda: f"i{next(numbers)}"
    )
    told, class_of = Followed(len(plan.items)), {i.item_id: i.class_name for i in plan.items}
    truth_of: dict[str, int] = {}
    at, travel_px = _BEGUN_AT, 0.0
    for frame in box_frames(plan):
        at = _BEGUN_AT + frame.at_s
        way_px, travel_px = frame.travel_px - travel_px, frame.travel_px
        update = station.observe(
            _boxes(frame), round(plan.width_px), round(plan.height_px), at,
            way_px=way_px if measures_way else None,
        )  # fmt: skip
        names = {index: item.item_id for item, index in update.seen}
        for index, seen in enumerate(frame.seen):
            told.identities.add(seen.item_id, names.get(index))
            if index in names:
                truth_of[names[index]] = seen.item_id
        _count(update.decided, truth_of, class_of, told)
    _count(station.finish(at).decided, truth_of, class_of, told)
    return told


def boxes_of(plan: BoxBeltPlan) -> Iterator[tuple[float, list[Box]]]:
    """The frames of a belt, as time and detections."""
    for frame in box_frames(plan):
        yield _BEGUN_AT + frame.at_s, _boxes(frame)


def _boxes(frame: BoxFrame) -> list[Box]:
    return [Box(seen.box_xyxy_px, _scores(seen.class_name), 0.9) for seen in frame.seen]


def _count(
    decided: Sequence[Decided], truth_of: dict[str, int], class_of: dict[int, str], told: Followed
) -> None:
    for done in decided:
        truth = truth_of[done.item_id]
        decision = done.decision
        told.rules[decision.rule] += 1
        if decision.outcome == "PRINT":
            told.printed[truth] += 1
            told.wrong += decision.class_name != class_of[truth]
        else:
            told.reviewed[truth] += 1


def _scores(class_name: str) -> NDArray[np.float32]:
    scores = np.full(len(CLASSES), 0.02, np.float32)
    scores[CLASSES.index(class_name)] = 0.95
    return scores


def box_rules(class_names: Sequence[str] = CLASSES) -> Rules:
    """Rules of a release that knows a product of each class."""
    products = []
    for index, name in enumerate(class_names):
        digits = f"95212345{index:04d}"
        gtin = digits + str(gtin_check_digit(digits))
        products.append(Product(sku=name, gtin=gtin, name=name, class_name=name))
    manifest = Manifest(
        name="boxes",
        classes=tuple(class_names),
        none_of_these=None,
        input=InputSpec(height_px=320, width_px=480),
        outputs=OutputSpec(embedding_size=1),
        files={"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
    )
    return Rules(manifest, Policy(), Catalogue(products=tuple(products)))


def main() -> int:
    """Prints a table; ends with 1 where an item was printed twice, wrongly or not decided."""
    parser = argparse.ArgumentParser(prog="python -m bench.following", description=__doc__)
    parser.add_argument("--belts", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(
        "| belt | items | printed | reviewed only | twice | wrong | undecided | switches | IDF1 |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    is_right = True
    for name, reverses in (("slows and stands", False), ("also runs back", True)):
        row, bad = _row(arguments.seed, arguments.belts, reverses=reverses)
        print(f"| {name} {row}")
        is_right = is_right and not bad
    return 0 if is_right else 1


def _row(seed: int, belts: int, *, reverses: bool) -> tuple[str, int]:
    sums: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    idf1: list[float] = []
    for index in range(belts):
        plan = random_plan(seed + index, CLASSES, reverses=reverses)
        told = follow(plan)
        only_reviewed = told.reviewed.keys() - told.printed.keys()
        undecided = len(told.undecided(plan))
        sums.update(
            items=told.items, printed=len(told.printed), reviewed=len(only_reviewed),
            twice=told.twice, wrong=told.wrong, undecided=undecided,
            switches=told.identities.switches,
        )  # fmt: skip
        rules += told.rules
        idf1.append(told.identities.idf1)
        if told.twice or told.wrong or undecided:
            print(f"seed {seed + index}: {told.twice=} {told.wrong=} {undecided=}", file=sys.stderr)
    print(rules, file=sys.stderr)
    counts = " | ".join(str(sums[name]) for name in (
        "items", "printed", "reviewed", "twice", "wrong", "undecided", "switches"
    ))  # fmt: skip
    row = f"| {counts} | {np.mean(idf1):.3f} |"
    return row, sums["twice"] + sums["wrong"] + sums["undecided"]


if __name__ == "__main__":
    sys.exit(main())
