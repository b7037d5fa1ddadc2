"""Composes one picture from cut-outs and an empty place; it depends on its number and the seed.

Cutting is left to `cutting`, places to `placing`, pixels to `painting`, files to `writing`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.compose.backgrounds import Background, Backgrounds
from training.compose.cutting import light_of
from training.compose.painting import Blend, Canvas, Fall, Shown, canvas_of, paint, relit, shown
from training.compose.placing import Patch, Placed, place, pose
from training.compose.plan import ComposePlan
from training.compose.surface import FloatArray
from training.data.cutouts import Cutout, textured_background

LEAST_VISIBLE = 0.3
"""Less of a product than this is an `ignore` region, not an annotation."""

LEAST_SIDE_PX = 6


@dataclass(frozen=True, eq=False)
class Source:
    """A cut-out with what is known of it.

    Attributes:
        label: Its class index.
        load: Gives the cut-out; thousands of them need not be in memory.
        light_bgr: float32 [3], the light it was photographed in.
        name: The picture it comes from.
        long_mm: Its longer side, if that is known.
        weight: How often it is taken, against others of its class: sharp ones more often.
    """

    label: int
    load: Callable[[], Cutout]
    light_bgr: FloatArray
    name: str
    long_mm: float | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class ComposedObject:
    """One annotation.

    Attributes:
        label: Class index; None for a thing that is no product.
        seen: Its box and how much of it is seen.
        source: The picture that it comes from; empty for things.
    """

    label: int | None
    seen: Shown
    source: str

    @property
    def judged(self) -> bool:
        """Whether enough of it is seen to be found."""
        left, top, right, bottom = self.seen.box_xyxy_px
        return self.seen.visible >= LEAST_VISIBLE and min(right - left, bottom - top) >= (
            LEAST_SIDE_PX
        )


@dataclass(frozen=True, eq=False)
class Composed:
    """One picture with its truth.

    Attributes:
        jpeg: The picture.
        scene: Of its background; splits go by it.
        objects: All that lies in it.
    """

    jpeg: bytes
    scene: str
    objects: tuple[ComposedObject, ...]


def compose(
    number: int,
    plan: ComposePlan,
    by_class: Sequence[Sequence[Source]],
    backgrounds: Backgrounds,
) -> Composed:
    """Composes picture `number`.

    Args:
        number: From 0.
        plan: How.
        by_class: The cut-outs of each class; every class has one at least.
        backgrounds: Where to lay them.
    """
    rng = np.random.default_rng([plan.seed, number])
    background = backgrounds.draw(number, rng)
    canvas = canvas_of(background.image_bgr)
    fall = _fall(background, rng)
    light = light_of(background.image_bgr)
    scale = _Scale.of(plan, background, rng)
    crowded = rng.uniform() < plan.crowded_share
    laid: list[Placed] = []
    of: list[Source | None] = []
    for source in _goods(plan, by_class, rng):
        patch = _patch_of(source, scale, plan, rng)
        placed = place(patch, laid, (plan.width_px, plan.height_px), rng, crowded=crowded)
        if placed is None:
            continue
        strength = float(rng.uniform(0.2, 1.0))
        own_light = light if source is None else source.light_bgr
        dressed = Placed(
            relit(placed.patch, own_light, light, strength, fall), placed.left_px, placed.top_px
        )
        paint(canvas, dressed, len(laid), fall, _any_blend(plan.blends, rng))
        laid.append(dressed)
        of.append(source)
    objects = _things(background, canvas)
    for index, (placed, source) in enumerate(zip(laid, of, strict=True)):
        seen = shown(canvas, placed, index)
        if seen is not None:
            label = None if source is None else source.label
            objects.append(ComposedObject(label, seen, "" if source is None else source.name))
    picture = np.clip(canvas.bgr, 0, 255).round().astype(np.uint8)
    exposed = background.eye.expose(picture, rng)
    return Composed(background.eye.encode(exposed), background.scene, tuple(objects))


@dataclass(frozen=True)
class _Scale:
    """How large products are in one picture: by their size in mm, or all alike."""

    long_px: float
    px_per_mm: float | None

    @classmethod
    def of(cls, plan: ComposePlan, background: Background, rng: np.random.Generator) -> "_Scale":
        low, high = np.log(plan.size_share)
        long_px = float(np.exp(rng.uniform(low, high))) * plan.width_px
        if plan.view_mm is not None:
            return cls(long_px, plan.width_px / float(rng.uniform(*plan.view_mm)))
        return cls(long_px, background.px_per_mm)

    def of_source(self, source: Source) -> float:
        if source.long_mm is not None and self.px_per_mm is not None:
            return source.long_mm * self.px_per_mm
        return self.long_px


def _goods(
    plan: ComposePlan, by_class: Sequence[Sequence[Source]], rng: np.random.Generator
) -> list[Source | None]:
    """Draws what lies in a picture, in any order; None stands for a thing that is no product."""
    # A few pictures show nothing: a belt is empty most of the time.
    count = 0 if rng.uniform() < 0.03 else int(rng.integers(1, plan.most_items + 1))
    goods: list[Source | None] = []
    for _ in range(count):
        sources = by_class[int(rng.integers(len(by_class)))]
        weights = np.array([source.weight for source in sources])
        goods.append(sources[int(rng.choice(len(sources), p=weights / weights.sum()))])
    if rng.uniform() < plan.thing_share:
        for _ in range(int(rng.integers(1, 4))):
            goods.insert(int(rng.integers(len(goods) + 1)), None)
    return goods


def _patch_of(
    source: Source | None, scale: _Scale, plan: ComposePlan, rng: np.random.Generator
) -> Patch:
    if source is not None:
        longest = 0.9 * min(plan.width_px, plan.height_px)
        return pose(source.load(), float(np.clip(scale.of_source(source), 8, longest)), rng)
    return pose(_thing(rng), scale.long_px * float(rng.uniform(0.4, 1.3)), rng)


def _thing(rng: np.random.Generator) -> Cutout:
    """A piece of some surface in some shape: what is pasted, and yet is no product."""
    side = 96
    mask = np.zeros((side, side), np.uint8)
    kind = int(rng.integers(3))
    half = (int(rng.integers(8, 44)), 44)
    if kind == 0:
        cv2.rectangle(mask, (48 - half[0], 4), (48 + half[0], 92), 255, cv2.FILLED)
    elif kind == 1:
        cv2.ellipse(mask, (48, 48), half, 0, 0, 360, 255, cv2.FILLED)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(4, 9))))
        radii = rng.uniform(15, 46, len(angles))
        points = np.stack([48 + radii * np.cos(angles), 48 + radii * np.sin(angles)], axis=1)
        cv2.fillPoly(mask, [points.round().astype(np.int32)], 255)
    x, y, width, height = cv2.boundingRect(mask)
    window = slice(y, y + height), slice(x, x + width)
    return Cutout(textured_background(side, side, rng)[window], mask[window], -1)


def _fall(background: Background, rng: np.random.Generator) -> Fall:
    return Fall(
        background.azimuth_rad,
        float(np.clip(background.shadow * rng.uniform(0.6, 1.3), 0, 0.75)),
        float(rng.uniform(0.03, 0.3)),
        float(rng.uniform(0, 0.15)),
    )


def _things(background: Background, canvas: Canvas) -> list[ComposedObject]:
    """What is left to see of the things that lay there before the products."""
    things = []
    for thing in background.things:
        assert background.owner is not None, "things come with their pixels"
        before: NDArray[np.bool_] = background.owner == thing.item_id
        left = before & (canvas.owner < 0)
        if not left.any():
            continue
        visible = thing.visible_fraction * float(left.sum() / before.sum())
        x, y, width, height = cv2.boundingRect(left.astype(np.uint8))
        seen = Shown((x, y, x + width, y + height), visible, thing.truncated)
        things.append(ComposedObject(None, seen, ""))
    return things


def _any_blend(blends: Sequence[Blend], rng: np.random.Generator) -> Blend:
    return blends[int(rng.integers(len(blends)))]
