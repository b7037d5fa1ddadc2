"""Writes a composed COCO dataset; stopped anywhere, it goes on and ends with the same files.

Pictures go out in chunks; a chunk's rows are written after its pictures, the annotations last.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from beltmark.contract.documents import read_bytes, write_bytes, write_json
from beltmark.contract.errors import InputError
from beltmark.datasets.boxes import to_xywh
from beltmark.datasets.text import load_json
from training.compose.backgrounds import Backgrounds
from training.compose.picture import Composed, Source, compose
from training.compose.plan import ComposePlan

ANNOTATIONS = "annotations.json"
IMAGES = "images"
PARTS = "parts"
IDENTITY = "composition.txt"
CHUNK = 20


def claim(folder: Path, identity: str) -> None:
    """Makes the folder this composition's own, so that a later start goes on with the same.

    Raises:
        InputError: It holds something else, or cannot be made.
    """
    path = folder / IDENTITY
    if path.is_file():
        if read_bytes(path).decode(errors="replace") != identity:
            raise InputError(
                "holds another composition: pictures or arguments differ",
                "give another --out, or remove it",
                file=folder,
            )
        return
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(
                "is not empty, and holds no composition", "give another --out", file=folder
            )
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot be made: {error.strerror}", "name a folder that can be written", file=folder
        ) from None
    write_bytes(path, identity.encode())


def write_composed(
    folder: Path,
    plan: ComposePlan,
    by_class: Sequence[Sequence[Source]],
    backgrounds: Backgrounds,
    *,
    class_names: Sequence[str],
    none_index: int | None,
    on_progress: Callable[[int], None],
) -> Path:
    """Writes pictures and annotations; returns the path of the latter.

    Args:
        folder: Where to write.
        plan: How to compose.
        by_class: The cut-outs; every class has one at least.
        backgrounds: Where to lay them.
        class_names: Names of the dataset's classes, by class index.
        none_index: The class that means none of these; None leaves such things unlabelled.
        on_progress: Told how many pictures are done after each.
    """
    path = folder / ANNOTATIONS
    if _holds(path, plan.images):
        on_progress(plan.images)
        return path
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for first in range(0, plan.images, CHUNK):
        numbers = range(first, min(first + CHUNK, plan.images))
        part = folder / PARTS / f"{first:06d}-{len(numbers)}.json"
        if not part.is_file():
            rows = []
            for number in numbers:
                composed = compose(number, plan, by_class, backgrounds)
                write_bytes(folder / IMAGES / f"{number:06d}.jpg", composed.jpeg)
                rows.append(_rows(number, composed, plan, none_index))
                on_progress(number + 1)
            write_json(part, rows)
        for image, own in load_json(part):
            images.append(image)
            annotations += [{"id": len(annotations) + k, **row} for k, row in enumerate(own, 1)]
        on_progress(numbers.stop)
    document = {
        "info": {"description": "Composed by cut and paste. Split by scene.", "seed": plan.seed},
        "categories": [{"id": k, "name": name} for k, name in enumerate(class_names, 1)],
        "images": images,
        "annotations": annotations,
    }
    write_json(path, document)  # last, so that its being there means that all is
    shutil.rmtree(folder / PARTS, ignore_errors=True)
    return path


def _holds(path: Path, images: int) -> bool:
    """Whether all was composed already."""
    if not path.is_file():
        return False
    return len(load_json(path)["images"]) == images


def _rows(
    number: int, composed: Composed, plan: ComposePlan, none_index: int | None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Returns the picture's COCO row and those of its annotations, the latter without id."""
    annotations = []
    ignored = []
    for item in composed.objects:
        label = none_index if item.label is None else item.label
        if label is None:
            continue
        box = to_xywh(item.seen.box_xyxy_px)
        if not item.judged:
            ignored.append(box)
            continue
        annotations.append(
            {
                "image_id": number + 1,
                "category_id": label + 1,
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": 0,
                "truncated": item.seen.truncated,
                "visible_fraction": round(min(item.seen.visible, 1.0), 3),
                "source": item.source,
            }
        )
    image = {
        "id": number + 1,
        "file_name": f"{IMAGES}/{number:06d}.jpg",
        "width": plan.width_px,
        "height": plan.height_px,
        "scene": composed.scene,
        "sequence": f"composed-{number}",
        "ignore": ignored,
    }
    return image, annotations
