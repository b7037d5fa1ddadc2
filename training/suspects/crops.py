"""Cuts out what is to be judged: each box with a little around it, or the whole image.

Features of a crop are kept by the content of its file and its box, so that a check that was
stopped, or is repeated after some labels changed, has little left to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import read_bytes
from beltmark.datasets.checks.memory import Memory
from beltmark.datasets.checks.progress import Progress
from beltmark.datasets.checks.scanning import Scanned
from beltmark.datasets.dataset import Box
from beltmark.datasets.images import MAX_IMAGE_BYTES, decode_image
from training.suspects.features import BATCH, LENGTH, SIDE_PX, VERSION, Describer

MARGIN: Final = 0.08
"""Of the box's side, added at each of its sides."""

SMALLEST_PX: Final = 8.0


@dataclass(frozen=True)
class Crop:
    """One thing that has a class.

    Attributes:
        image: Index into the scanned images.
        box_xyxy_px: Where; None for the whole image.
        class_index: What it is said to be.
    """

    image: int
    box_xyxy_px: Box | None
    class_index: int


def crops_of(scanned: Sequence[Scanned]) -> tuple[Crop, ...]:
    """Returns all boxes large enough to be seen, and images with a class as a whole."""
    crops = []
    for index, each in enumerate(scanned):
        if each.image.class_index is not None:
            crops.append(Crop(index, None, each.image.class_index))
        for labelled in each.image.objects:
            left, top, right, bottom = labelled.box_xyxy_px
            if min(right - left, bottom - top) >= SMALLEST_PX:
                crops.append(Crop(index, labelled.box_xyxy_px, labelled.class_index))
    return tuple(crops)


def describe(
    crops: Sequence[Crop], scanned: Sequence[Scanned], memory: Memory, progress: Progress
) -> NDArray[np.float16]:
    """Returns the features of all crops, float16 [N, 1280]."""
    features = np.zeros((len(crops), LENGTH), np.float16)
    keys = [_key(crop, scanned) for crop in crops]
    missing: dict[int, list[int]] = {}
    for index, key in enumerate(keys):
        known = memory.get(key)
        if known is None:
            missing.setdefault(crops[index].image, []).append(index)
        else:
            features[index] = np.frombuffer(known, "<f2")
    if not missing:
        return features
    describer = Describer()
    waiting: list[tuple[int, NDArray[np.uint8]]] = []

    def done() -> None:
        found = describer.describe([crop for _, crop in waiting])
        for (index, _), row in zip(waiting, found, strict=True):
            features[index] = row
            memory.put(keys[index], row.astype("<f2").tobytes())
        waiting.clear()

    images = [scanned[number].image for number in missing]
    for number, image in zip(missing, progress(images, "describing objects"), strict=True):
        picture = decode_image(read_bytes(image.path, limit=MAX_IMAGE_BYTES))
        for index in missing[number]:
            if picture is not None:
                waiting.append((index, cut_out(picture, crops[index].box_xyxy_px)))
            if len(waiting) == BATCH:
                done()
    if waiting:
        done()
    return features


def cut_out(picture: NDArray[np.uint8], box_xyxy_px: Box | None) -> NDArray[np.uint8]:
    """Returns uint8 [160, 160, 3] of a picture uint8 [H, W, 3]: the box with its margin."""
    height_px, width_px = picture.shape[:2]
    left, top, right, bottom = box_xyxy_px or (0.0, 0.0, float(width_px), float(height_px))
    aside, above = (0.0, 0.0) if box_xyxy_px is None else _margins(box_xyxy_px)
    rows = slice(max(0, int(top - above)), min(height_px, int(np.ceil(bottom + above))))
    columns = slice(max(0, int(left - aside)), min(width_px, int(np.ceil(right + aside))))
    crop = picture[rows, columns]
    if not crop.size:  # a box beyond a picture that is smaller than the annotations say
        crop = picture
    shrinks = min(crop.shape[:2]) > SIDE_PX  # area averaging stretches in steps
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (SIDE_PX, SIDE_PX), interpolation=method), np.uint8)


def _margins(box: Box) -> tuple[float, float]:
    return MARGIN * (box[2] - box[0]), MARGIN * (box[3] - box[1])


def _key(crop: Crop, scanned: Sequence[Scanned]) -> str:
    box = "whole" if crop.box_xyxy_px is None else ",".join(f"{v:.2f}" for v in crop.box_xyxy_px)
    return f"features/{VERSION}/{scanned[crop.image].sha256}/{box}"
