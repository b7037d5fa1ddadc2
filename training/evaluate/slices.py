"""Section: for which images and objects it is better or worse than for others. Pure.

Every row says how many it stands on and how far chance alone could move it, so that nobody reads
noise. An interval is the wider of two: from scenes drawn anew, and the exact binomial one (Clopper
and Pearson, 1934), which knows that 5 of 5 prove little. Of a single scene there is only the
latter; it takes frames for independent and is too narrow, which its row says.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from training.evaluate.bootstrap import Interval, bootstrap, ratio_of
from training.evaluate.classification import Answered, answered
from training.evaluate.context import TOLD_ANSWERS, Context, LeftOut, number
from training.evaluate.detection import SIZES
from training.evaluate.section import Cell, Section, Table

KEY: Final = "slices"
MOST_VALUES: Final = 12
"""An attribute with more values than this does not make slices."""

MOST_SCENES: Final = 40
QUANTILES: Final = ("lowest third", "middle third", "highest third")
LEAST_OBJECTS: Final = 20
"""A slice with fewer is not taken for the worst."""


@dataclass(frozen=True, eq=False)
class Slice:
    """Some of the objects.

    Attributes:
        kind: By what they were chosen.
        value: Which of them.
        chosen: bool [K], of the objects.
    """

    kind: str
    value: str
    chosen: NDArray[np.bool_]


def section(context: Context) -> Section | LeftOut:
    """Compares slices; needs objects of known classes."""
    given = answered(context).only_objects()
    known = given.truths >= 0
    if not known.any():
        return LeftOut("nothing in the data is of a class that the model knows")
    right = known & (given.told == given.truths)
    rows: list[tuple[Cell, ...]] = []
    numbers: dict[str, float | None] = {}
    worst: tuple[float, Slice] | None = None
    for each in slices(context, given):
        chosen = each.chosen & known
        so_many = int(chosen.sum())
        if not so_many or so_many == known.sum():
            continue
        share = float(right[chosen].mean())
        interval, is_single = _interval(context, given, right & chosen, chosen)
        images = len(np.unique(given.images[chosen]))
        mark = " (one scene: too narrow)" if is_single else ""
        rows.append(
            (each.kind, each.value + mark, images, so_many, number(share), number(interval.low),
             number(interval.high))
        )  # fmt: skip
        name = _unused(f"right_{_plain(each.kind)}_{_plain(each.value)}", numbers)
        numbers[name] = number(share)
        if so_many >= LEAST_OBJECTS and (worst is None or share < worst[0]):
            worst = share, each
    if not rows:
        return LeftOut("all images and objects are alike in all that the data says of them")
    overall = float(right[known].mean())
    numbers |= {"right": number(overall), "right_worst": number(worst[0]) if worst else None}
    what, rightly = (
        ("objects", "found and named rightly") if given.of_boxes else ("images", "named rightly")
    )
    told = [f"Over all, {overall:.4f} are {rightly}, by {TOLD_ANSWERS}."]
    if worst is not None:
        told.insert(
            0,
            f"Worst where {worst[1].kind} is {worst[1].value}: {worst[0]:.4f} right "
            f"(of slices with {LEAST_OBJECTS} {what} or more).",
        )
    told.append("Where two intervals overlap widely, the difference may be chance.")
    header = ("by", "value", "images", what if given.of_boxes else "asked", "right", "from", "to")
    return Section(KEY, "Slices", tuple(told), numbers, (Table(f"Share {rightly}", header, rows),))


def slices(context: Context, given: Answered) -> Iterator[Slice]:
    """Yields all slices that the data allows, of the objects in `given`."""
    images, seen = context.evaluation.images, context.evaluation.seen
    scenes = np.array([image.scene for image in images])
    # Photographs of a whole are mostly of a scene each: that is no slice.
    is_each_alone = not given.of_boxes and len(np.unique(scenes)) == len(images)
    if len(np.unique(scenes)) <= MOST_SCENES and not is_each_alone:
        yield from _by_value("scene", scenes[given.images])
    names = sorted({name for image in images for name in image.attributes})
    for name in names:
        values = np.array([image.attributes.get(name, "not said") for image in images])
        if 1 < len(np.unique(values)) <= MOST_VALUES:
            yield from _by_value(name, values[given.images])
    if "light" not in names:
        brightness = np.array([each.brightness for each in seen])
        yield from _by_third("brightness of the image", brightness, given)
    sharpness = np.array([each.sharpness for each in seen])
    yield from _by_third("sharpness of the image", sharpness, given)
    if given.of_boxes:
        yield from _by_object(context, given)


def _by_object(context: Context, given: Answered) -> Iterator[Slice]:
    objects = [item for image in context.evaluation.images for item in image.objects]
    whole = np.array([image.width_px * image.height_px for image in context.evaluation.images])
    boxes = np.array([item.box_xyxy_px for item in objects])
    shares = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / whole[given.images]
    for name, (low, high) in SIZES.items():
        yield Slice("size", name, (shares >= low) & (shares < high))
    for name in ("truncated", "blurred", "uncertain"):
        flags = np.array([getattr(item, name) for item in objects])
        yield Slice(name, "yes", flags)
        yield Slice(name, "no", ~flags)


def _by_value(kind: str, values: NDArray[np.str_]) -> Iterator[Slice]:
    for value in np.unique(values):
        yield Slice(kind, str(value), values == value)


def _by_third(kind: str, of_image: NDArray[np.float64], given: Answered) -> Iterator[Slice]:
    low, high = np.quantile(of_image, [1 / 3, 2 / 3])
    if low == high:
        return
    third = (of_image > low).astype(int) + (of_image > high)
    for index, name in enumerate(QUANTILES):
        yield Slice(kind, name, third[given.images] == index)


def _interval(
    context: Context, given: Answered, right: NDArray[np.bool_], chosen: NDArray[np.bool_]
) -> tuple[Interval, bool]:
    """Returns the interval of a share, and whether it is from a single scene."""
    length = len(context.evaluation.images)
    parts = np.bincount(given.images[right], minlength=length).astype(np.float64)
    wholes = np.bincount(given.images[chosen], minlength=length).astype(np.float64)
    inside = np.flatnonzero(wholes)
    scenes = [context.scenes[row] for row in inside]
    drawn = bootstrap(scenes, ratio_of(parts[inside], wholes[inside]), context.draws, context.seed)
    exact = binomtest(int(right.sum()), int(chosen.sum())).proportion_ci(method="exact")
    if drawn is None:
        return Interval(float(exact.low), float(exact.high), 1), True
    low, high = min(drawn.low, float(exact.low)), max(drawn.high, float(exact.high))
    return Interval(low, high, drawn.groups), False


def _unused(name: str, numbers: Mapping[str, object]) -> str:
    """Returns the name, with a number where another slice has it: no figure hides another."""
    names = (name if k == 1 else f"{name}_{k}" for k in count(1))
    return next(each for each in names if each not in numbers)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:40]
