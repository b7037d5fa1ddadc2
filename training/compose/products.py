"""Chooses the pictures of single products from a dataset, and cuts the products out of them.

What was cut is kept as files, so that a run that was stopped goes on where it was.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from beltmark.contract.documents import (
    Document,
    read_bytes,
    read_document,
    write_bytes,
    write_document,
)
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.images import MAX_IMAGE_BYTES, read_image
from training.compose.cutting import cut
from training.compose.picture import Source
from training.data.cutouts import Cutout

MAX_SIDE_PX = 640
"""Larger pictures are made smaller before cutting: products come out smaller still."""

MAX_PICTURES = 100_000
CACHED_CUTOUTS = 512
"""So many are kept in memory, at 0.3 MB each or so."""

LEAST_WEIGHT = 0.2
"""Blurred cut-outs are used too, though less often: cameras blur."""


@dataclass(frozen=True)
class ProductPicture:
    """A picture of one product.

    Attributes:
        image: The picture.
        label: Class index of the product.
        box_xyxy_px: Where it is; None if only the class is known.
    """

    image: LabelledImage
    label: int
    box_xyxy_px: tuple[float, float, float, float] | None


class CutRecord(Document):
    """What became of one picture; lies beside its cut-out.

    Attributes:
        source: The picture, relative to the dataset where possible.
        class_name: Of its product.
        score: 0..1, see `quality`.
        sharpness: 0..1, likewise.
        faults: Why it is not used; empty if it is.
        light_bgr: The light in the picture.
    """

    source: str
    class_name: str
    score: Annotated[float, Field(ge=0, le=1)]
    sharpness: Annotated[float, Field(ge=0, le=1)]
    faults: tuple[str, ...]
    light_bgr: tuple[float, float, float]


def choose_pictures(
    dataset: Dataset, scenes: Collection[str] = (), class_names: Collection[str] = ()
) -> tuple[list[ProductPicture], int]:
    """Returns the pictures that show exactly one product, and how many others there were.

    Args:
        dataset: With one box, or one class, per picture.
        scenes: Only these, if any are named.
        class_names: Likewise.

    Raises:
        InputError: No such scene or class, or no such picture.
    """
    _check_known(scenes, {image.scene for image in dataset.images}, "scene", dataset)
    _check_known(class_names, set(dataset.class_names), "class", dataset)
    found = []
    others = 0
    for image in dataset.images:
        if scenes and image.scene not in scenes:
            continue
        picture = _single(image)
        if picture is None:
            others += 1
        elif not class_names or dataset.class_names[picture.label] in class_names:
            found.append(picture)
    if not 1 <= len(found) <= MAX_PICTURES:
        raise InputError(
            f"has {len(found)} pictures of a single product among those chosen",
            f"give 1 to {MAX_PICTURES} pictures with one box each, or one class each",
            file=dataset.path,
        )
    return found, others


def cut_pictures(
    pictures: Sequence[ProductPicture],
    dataset: Dataset,
    folder: Path,
    empty_bgr: NDArray[np.uint8] | None,
    on_progress: Callable[[int], None],
) -> list[CutRecord]:
    """Cuts the products out into `folder`, one PNG with alpha and one record each.

    Args:
        pictures: What to cut.
        dataset: Where they come from.
        folder: Where cut-outs and records go; what is there already is taken as it is.
        empty_bgr: The surface without a product, for pictures of the same size.
        on_progress: Told how many are done after each.

    Raises:
        InputError: A picture cannot be read.
    """
    records = []
    for number, picture in enumerate(pictures):
        record_path = folder / f"{number:05d}.json"
        if record_path.is_file():  # it is written after its cut-out
            records.append(read_document(record_path, CutRecord))
        else:
            records.append(_cut_one(picture, dataset, folder / f"{number:05d}.png", empty_bgr))
            write_document(record_path, records[-1])
        on_progress(number + 1)
    return records


def sources_by_class(
    records: Sequence[CutRecord],
    pictures: Sequence[ProductPicture],
    folder: Path,
    long_mm: Mapping[str, float],
) -> dict[int, list[Source]]:
    """Returns the cut-outs that are good, by class index.

    Args:
        records: From `cut_pictures`.
        pictures: What was cut, in the same order.
        folder: Where the cut-outs are.
        long_mm: Longer side of products by class name, where that is known.
    """
    by_class: dict[int, list[Source]] = {}
    for number, (record, picture) in enumerate(zip(records, pictures, strict=True)):
        if record.faults:
            continue
        load = partial(load_cutout, folder / f"{number:05d}.png", picture.label)
        light = np.array(record.light_bgr, np.float32)
        source = Source(
            picture.label,
            load,
            light,
            record.source,
            long_mm.get(record.class_name),
            LEAST_WEIGHT + record.sharpness,
        )
        by_class.setdefault(picture.label, []).append(source)
    return by_class


@lru_cache(maxsize=CACHED_CUTOUTS)
def load_cutout(path: Path, label: int) -> Cutout:
    """Reads a PNG with alpha.

    Raises:
        InputError: It cannot be read.
    """
    data = np.frombuffer(read_bytes(path, limit=MAX_IMAGE_BYTES), np.uint8)
    decoded = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
    if decoded is None or decoded.ndim != 3 or decoded.shape[2] != 4:
        raise InputError("no picture with alpha", "remove the folder and start anew", file=path)
    pixels = np.asarray(decoded, np.uint8)
    return Cutout(np.ascontiguousarray(pixels[..., :3]), pixels[..., 3].copy(), label)


def _check_known(
    asked: Collection[str], known: Collection[str], kind: str, dataset: Dataset
) -> None:
    for name in asked:
        if name not in known:
            listed = ", ".join(sorted(known)[:20])
            raise InputError(
                f"no {kind} {name!r} (known: {listed})", f"name another {kind}", file=dataset.path
            )


def _single(image: LabelledImage) -> ProductPicture | None:
    if len(image.objects) == 1:
        only = image.objects[0]
        return ProductPicture(image, only.class_index, only.box_xyxy_px)
    if not image.objects and image.class_index is not None:
        return ProductPicture(image, image.class_index, None)
    return None


def _cut_one(
    picture: ProductPicture, dataset: Dataset, path: Path, empty_bgr: NDArray[np.uint8] | None
) -> CutRecord:
    image_bgr = read_image(picture.image)
    if empty_bgr is not None and empty_bgr.shape != image_bgr.shape:
        empty_bgr = None
    scale = min(MAX_SIDE_PX / max(image_bgr.shape[:2]), 1.0)
    if scale < 1:
        image_bgr = _scaled(image_bgr, scale)
        empty_bgr = None if empty_bgr is None else _scaled(empty_bgr, scale)
    box = None
    if picture.box_xyxy_px is not None:
        box = np.array(picture.box_xyxy_px, np.float32) * np.float32(scale)
    made = cut(image_bgr, picture.label, box_xyxy_px=box, empty_bgr=empty_bgr)
    pixels = np.dstack([made.cutout.image_bgr, made.cutout.alpha])
    _, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    write_bytes(path, data.tobytes())
    blue, green, red = (round(float(value), 2) for value in made.light_bgr)
    return CutRecord(
        source=source_name(picture.image.path, dataset),
        class_name=dataset.class_names[picture.label],
        score=made.quality.score,
        sharpness=round(made.sharpness, 3),
        faults=made.quality.faults,
        light_bgr=(blue, green, red),
    )


def source_name(path: Path, dataset: Dataset) -> str:
    """Returns a picture's path below its dataset, or its name where it lies elsewhere."""
    folder = dataset.path if dataset.path.is_dir() else dataset.path.parent
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return path.name


def _scaled(image_bgr: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    smaller = cv2.resize(image_bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8)
