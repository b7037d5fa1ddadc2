"""A belt as a detector that errs would see it: boxes without pictures, and whose they are. Pure.

For following items by the thousand; what pictures of them look like is left to `world`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from beltmark.simulation.profile import SpeedProfile

BoxXyxyPx = tuple[float, float, float, float]


@dataclass(frozen=True)
class BoxItem:
    """An item of known truth.

    Attributes:
        item_id: Its number, from 1.
        class_name: Its class.
        start_px: How far before the picture's left edge its middle is at the beginning.
        y_px: Its middle, across the travel.
        length_px: Its extent along the travel.
        width_px: Its extent across the travel.
    """

    item_id: int
    class_name: str
    start_px: float
    y_px: float
    length_px: float
    width_px: float


@dataclass(frozen=True)
class SeenBox:
    """What the detector says of an item in one frame."""

    item_id: int
    class_name: str
    box_xyxy_px: BoxXyxyPx


@dataclass(frozen=True)
class BoxFrame:
    """One frame.

    Attributes:
        at_s: Its time, from 0.
        travel_px: How far the belt has come; less than before when it ran back.
        middles_px: Where the items in the picture truly are, (x, y) by their numbers.
        seen: What the detector says.
    """

    at_s: float
    travel_px: float
    middles_px: dict[int, tuple[float, float]]
    seen: tuple[SeenBox, ...]


@dataclass(frozen=True)
class BoxBeltPlan:
    """What to simulate.

    Attributes:
        items: All that comes.
        profile: The belt's speed over time.
        speed_px_s: Its own speed.
        seconds: For how long.
        fps: Frames per second.
        width_px: The picture's width, along the travel (to the right).
        height_px: Its height.
        jitter_px: Standard deviation of each edge of a box.
        dropped_share: Share of the boxes that the detector misses, at random.
        hidden: (item, first second, last second) in which it cannot be seen.
        taken_off: Items that leave the belt (item, second).
        seed: Start of all chance.
    """

    items: Sequence[BoxItem]
    profile: SpeedProfile
    speed_px_s: float
    seconds: float
    fps: float = 20.0
    width_px: float = 480.0
    height_px: float = 320.0
    jitter_px: float = 1.0
    dropped_share: float = 0.0
    hidden: Sequence[tuple[int, float, float]] = ()
    taken_off: Sequence[tuple[int, float]] = ()
    seed: int = 0


def box_frames(plan: BoxBeltPlan) -> Iterator[BoxFrame]:
    """The frames of a belt, in order."""
    rng = np.random.default_rng(plan.seed)
    for index in range(round(plan.seconds * plan.fps)):
        at_s = index / plan.fps
        travel_px = plan.profile.way_s(at_s) * plan.speed_px_s
        gone = {item_id for item_id, from_s in plan.taken_off if at_s >= from_s}
        middles: dict[int, tuple[float, float]] = {}
        seen: list[SeenBox] = []
        for item in plan.items:
            x_px = travel_px - item.start_px
            jitter, drop = rng.normal(0, plan.jitter_px, 4), rng.random()
            box = _box(item, x_px, jitter, plan)
            if box is None or item.item_id in gone:
                continue
            middles[item.item_id] = x_px, item.y_px
            hidden = any(i == item.item_id and a <= at_s <= b for i, a, b in plan.hidden)
            if not hidden and drop >= plan.dropped_share:
                seen.append(SeenBox(item.item_id, item.class_name, box))
        yield BoxFrame(at_s, travel_px, middles, tuple(seen))


def _box(
    item: BoxItem,
    x_px: float,
    jitter: NDArray[np.float64],
    plan: BoxBeltPlan,
) -> BoxXyxyPx | None:
    """Its box as far as it is in the picture; None for less than a sliver."""
    left = max(0.0, x_px - item.length_px / 2 + float(jitter[0]))
    right = min(plan.width_px, x_px + item.length_px / 2 + float(jitter[1]))
    top = max(0.0, item.y_px - item.width_px / 2 + float(jitter[2]))
    bottom = min(plan.height_px, item.y_px + item.width_px / 2 + float(jitter[3]))
    return None if right - left < 0.2 * item.length_px else (left, top, right, bottom)


def random_plan(seed: int, class_names: Sequence[str], *, reverses: bool = True) -> BoxBeltPlan:
    """A belt with all that makes following hard, from a seed.

    Items in two lanes (beside, behind, touching each other), a belt that slows, stands and, if it
    `reverses`, runs back by 50 to 400 pixels, boxes that are missed or hidden for up to 15 frames.
    """
    rng = np.random.default_rng(seed)
    speed_px_s = float(rng.uniform(60, 220))
    profile, seconds = _random_profile(rng, speed_px_s, reverses=reverses)
    items: list[BoxItem] = []
    reach_px = SpeedProfile.way_s(profile, seconds) * speed_px_s
    for y_px in (90.0, 230.0) if rng.random() < 0.6 else (160.0,):
        back_px = float(rng.uniform(80, 160))
        while back_px < reach_px - 560:
            length_px, width_px = (float(side) for side in rng.uniform(45, 95, 2))
            touches = rng.random() < 0.25
            back_px += length_px / 2 + (2.0 if touches else float(rng.uniform(15, 150)))
            name = str(rng.choice(class_names))
            items.append(
                BoxItem(len(items) + 1, name, back_px, y_px, length_px, min(width_px, 110.0))
            )
            back_px += length_px / 2
    hidden = [
        (item.item_id, begun_s, begun_s + float(rng.uniform(0.05, 0.75)))
        for item in items
        if rng.random() < 0.3
        for begun_s in [float(rng.uniform(0, seconds))]
    ]
    return BoxBeltPlan(
        items=items,
        profile=profile,
        speed_px_s=speed_px_s,
        seconds=seconds,
        jitter_px=float(rng.uniform(0.3, 2.0)),
        dropped_share=float(rng.choice([0.0, 0.05, 0.15])),
        hidden=hidden,
        seed=seed,
    )


def _random_profile(
    rng: np.random.Generator, speed_px_s: float, *, reverses: bool
) -> tuple[SpeedProfile, float]:
    """A profile that ends with a long run forward, and how long it takes."""
    knots = [(0.0, 1.0)]
    now_s = 4.0
    for _ in range(int(rng.integers(1, 5))):
        turn_s = float(rng.uniform(0.2, 0.6))
        kind = rng.choice(["slow", "stand", "back"] if reverses else ["slow", "stand"])
        if kind == "back":
            factor = -float(rng.uniform(0.4, 1.0))
            lasts_s = float(rng.uniform(50, 400)) / (speed_px_s * -factor)
        else:
            factor = float(rng.uniform(0.2, 0.6)) if kind == "slow" else 0.0
            lasts_s = float(rng.uniform(0.3, 4.0))
        stands_s = float(rng.choice([0.05, 1.5]))
        stands_back_s = float(rng.choice([0.05, 2.0, 20.0]))
        before = [(turn_s, 0.0), (stands_s, 0.0)] if kind == "back" else []
        after = [(turn_s, 0.0), (stands_back_s, 0.0)] if kind == "back" else []
        runs_s = float(rng.uniform(1.0, 5.0))
        for step_s, to in (
            (0.0, 1.0), *before, (turn_s, factor), (lasts_s, factor),
            *after, (turn_s, 1.0), (runs_s, 1.0),
        ):  # fmt: skip
            now_s += step_s
            knots.append((now_s, to))
    steps = [knots[0], *(knot for last, knot in pairwise(knots) if knot[0] > last[0])]
    profile = SpeedProfile(tuple(steps))
    # What is on the belt at the end has to have time to pass.
    return profile, now_s + 700 / speed_px_s + 4.0
