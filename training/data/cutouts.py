"""Cuts labelled objects out of their images, and gives backgrounds to lay them on."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import sha256_of
from training.compose.masks import grab
from training.data.samples import Sample, SampleStore

MARGIN = 0.18
"""Share of the box's size taken around it, so that the cut sees some background."""

PLAUSIBLE_FILL = (0.45, 1.0)
"""Share of its box that a cut-out must fill to be believed; a carton seen askew fills half."""


CUT_VERSION = 2
"""Of how objects are cut out: what another version cut is cut anew."""

MOST_PER_CLASS = 200
"""They are held in memory; more of a class would hardly look different."""


@dataclass(frozen=True, eq=False)
class Cutout:
    """One object without its background.

    Attributes:
        image_bgr: uint8 [h, w, 3], 0..255, BGR.
        alpha: uint8 [h, w], 255 where the object is.
        label: Its class index.
    """

    image_bgr: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    label: int


def cut_out(sample: Sample) -> Iterable[Cutout]:
    """Cuts the objects out of one sample (GrabCut: Rother et al., SIGGRAPH 2004).

    Objects that touch the border or another box, or whose cut is not believable, are left out.
    """
    height, width = sample.image_bgr.shape[:2]
    for index, (box, label) in enumerate(zip(sample.boxes_xyxy_px, sample.labels, strict=True)):
        if label < 0:
            continue
        margin = np.maximum((box[2:] - box[:2]) * MARGIN, 4)
        outer = np.concatenate((box[:2] - margin, box[2:] + margin)).round().astype(int)
        others = np.delete(sample.boxes_xyxy_px, index, axis=0)
        if outer.min() < 0 or outer[2] > width or outer[3] > height or _meets(box, others):
            continue
        left, top, right, bottom = outer
        crop = sample.image_bgr[top:bottom, left:right]
        inner = box - np.array([left, top, left, top], np.float32)
        alpha = np.asarray(cv2.GaussianBlur(grab(crop, inner), (3, 3), 0), np.uint8)
        filled = (alpha > 127).sum() / max(float(np.prod(inner[2:] - inner[:2])), 1.0)
        if PLAUSIBLE_FILL[0] <= filled <= PLAUSIBLE_FILL[1]:
            yield Cutout(np.ascontiguousarray(crop), alpha, int(label))


def cut_out_all(store: SampleStore) -> list[list[Cutout]]:
    """Cuts the objects of a store out; one list per class that has any, in the store's order.

    A class gets no more than `MOST_PER_CLASS`, from images all over the store, which are then not
    all read.
    """
    found: dict[int, list[tuple[int, Cutout]]] = {}
    full: set[int] = set()
    for index in np.random.default_rng(0).permutation(len(store)).tolist():
        if store.labels(index) <= full:
            continue
        for cutout in _of_image(store, index):
            group = found.setdefault(cutout.label, [])
            if len(group) < MOST_PER_CLASS:
                group.append((index, cutout))
            if len(group) == MOST_PER_CLASS:
                full.add(cutout.label)
    return [
        [cutout for _, cutout in sorted(found[label], key=lambda entry: entry[0])]
        for label in sorted(found)
    ]


def _of_image(store: SampleStore, index: int) -> list[Cutout]:
    """Cuts the objects of one image out, or takes what an earlier start cut out."""
    if store.cache is None:
        return list(cut_out(store[index]))
    key = sha256_of(f"{CUT_VERSION} {store.identity(index)}".encode())
    kept = store.cache.get(key)
    if kept is not None:
        return _unpacked(kept)
    cutouts = list(cut_out(store[index]))
    store.cache.put(key, _packed(cutouts))
    return cutouts


def _packed(cutouts: Sequence[Cutout]) -> bytes:
    labels = np.array([cutout.label for cutout in cutouts], np.int64)
    arrays: dict[str, Any] = {"labels": labels}
    for number, cutout in enumerate(cutouts):
        arrays[f"image{number}"] = cutout.image_bgr
        arrays[f"alpha{number}"] = cutout.alpha
    written = io.BytesIO()
    np.savez(written, **arrays)
    return written.getvalue()


def _unpacked(content: bytes) -> list[Cutout]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return [
            Cutout(arrays[f"image{number}"], arrays[f"alpha{number}"], int(label))
            for number, label in enumerate(arrays["labels"])
        ]


def textured_background(height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draws a plain surface: a colour or a gradient, with grain, stripes or blotches.

    Returns:
        uint8 [height, width, 3], 0..255, BGR.
    """
    colours = rng.uniform(10, 245) + rng.normal(0, 22, size=(2, 3))
    ramp = np.linspace(0, 1, width)[None, :, None] * rng.uniform(0, 1)
    ramp = ramp + np.linspace(0, 1, height)[:, None, None] * rng.uniform(0, 1)
    picture = colours[0] + (colours[1] - colours[0]) * ramp
    kind = rng.integers(4)
    if kind == 1:  # stripes, as of rollers, boards or corrugation
        angle = rng.uniform(0, np.pi)
        y, x = np.mgrid[:height, :width]
        wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / rng.uniform(4, 60))
        picture = picture + (wave * rng.uniform(3, 30))[..., None]
    elif kind == 2:  # blotches
        coarse = rng.normal(
            0, rng.uniform(5, 35), size=(rng.integers(3, 12), rng.integers(3, 16), 1)
        )
        blotches = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        picture = picture + blotches[..., None]
    elif kind == 3:  # an edge to a surface of another colour
        angle = rng.uniform(0, 2 * np.pi)
        y, x = np.mgrid[:height, :width]
        beyond = (x - width / 2) * np.cos(angle) + (y - height / 2) * np.sin(angle)
        other = rng.uniform(10, 245) + rng.normal(0, 22, size=3)
        picture = np.where((beyond > rng.uniform(0, width / 3))[..., None], other, picture)
    grain = rng.normal(0, rng.uniform(1, 9), size=(height, width, 1))
    result: NDArray[np.uint8] = np.clip(picture + grain, 0, 255).astype(np.uint8)
    return result


def _meets(box: NDArray[np.float32], others: NDArray[np.float32]) -> bool:
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    return bool(((high - low) > 2).all(axis=1).any())
