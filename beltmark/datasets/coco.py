"""Reads object-detection datasets in COCO format, and refuses what would mislead training.

Beyond COCO it keeps what belts need: `scene` and `sequence` of an image, its `ignore` regions, and
`track_id`, `truncated`, `blurred` and `uncertain` of a box. Splitting is left to `split`.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from beltmark.contract.documents import parse, read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Box, Dataset, LabelledImage, LabelledObject

MAX_ANNOTATION_BYTES = 1024 * 1024 * 1024
TOLERATED_OVERSHOOT_PX = 2.0
"""Boxes may leave the image by less than this: they are cut at its border, and counted."""


class _Row(BaseModel):
    """Base of the file's rows; fields that other tools add are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    id: int


RowT = TypeVar("RowT", bound=_Row)


class _Category(_Row):
    name: str = Field(min_length=1)


class _Image(_Row):
    file_name: str = Field(min_length=1)
    width: int = Field(gt=0, le=32_768)
    height: int = Field(gt=0, le=32_768)
    scene: int | str | None = None
    sequence: int | str | None = None
    ignore: tuple[tuple[float, float, float, float], ...] = ()


class _Annotation(_Row):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0
    track_id: int | None = None
    truncated: bool = False
    blurred: bool = False
    uncertain: bool = False


def read_coco(path: Path) -> Dataset:
    """Reads an annotation file; image files must exist beside it, and are read later.

    Raises:
        InputError: Names file, element (such as `annotations[12].bbox`) and mend.
    """
    content = read_bytes(path, limit=MAX_ANNOTATION_BYTES)
    try:
        document = json.loads(content)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"not valid JSON: {error}", "export it anew", file=path) from None
    if not isinstance(document, dict):
        raise InputError("not a COCO file", "give a JSON object with images", file=path)
    categories = _rows(document, "categories", _Category, path)
    images = _rows(document, "images", _Image, path)
    annotations = _rows(document, "annotations", _Annotation, path)
    _check_names(categories, path)
    for index, image in enumerate(images):
        _check_file(path, index, image)
    class_index = {row.id: k for k, row in enumerate(sorted(categories, key=lambda row: row.id))}
    objects: dict[int, list[LabelledObject]] = {image.id: [] for image in images}
    ignored: dict[int, list[Box]] = {
        image.id: [(x, y, x + w, y + h) for x, y, w, h in image.ignore] for image in images
    }
    image_of = {image.id: image for image in images}
    clipped = 0
    for index, row in enumerate(annotations):
        where = f"annotations[{index}]"
        known = ", ".join(map(str, class_index))
        if row.category_id not in class_index:
            raise InputError(
                f"{row.category_id} is no category (known: {known})",
                "add the category or correct the id",
                file=path,
                field=f"{where}.category_id",
            )
        if row.image_id not in image_of:
            raise InputError(
                f"{row.image_id} is no image",
                "add the image or remove the annotation",
                file=path,
                field=f"{where}.image_id",
            )
        box, was_clipped = _checked_box(row, image_of[row.image_id], path, f"{where}.bbox")
        clipped += was_clipped
        if row.iscrowd:
            ignored[row.image_id].append(box)
            continue
        objects[row.image_id].append(
            LabelledObject(
                class_index[row.category_id],
                box,
                row.track_id,
                truncated=row.truncated,
                blurred=row.blurred,
                uncertain=row.uncertain,
            )
        )
    return Dataset(
        path,
        sha256_of(content),
        tuple(row.name for row in sorted(categories, key=lambda row: row.id)),
        tuple(
            LabelledImage(
                path.parent / image.file_name,
                image.width,
                image.height,
                _first_given(image.scene, image.sequence, image.file_name),
                _first_given(image.sequence, image.scene, image.file_name),
                tuple(ignored[image.id]),
                tuple(objects[image.id]),
            )
            for image in images
        ),
        clipped,
    )


def _rows(document: Mapping[str, Any], name: str, model: type[RowT], path: Path) -> list[RowT]:
    """Reads one of the file's lists and makes sure that its ids differ."""
    given = document.get(name)
    if not isinstance(given, list):
        raise InputError("missing, or not a list", "export it anew as COCO", file=path, field=name)
    rows = []
    first_index: dict[int, int] = {}
    for index, item in enumerate(given):
        try:
            row = parse(item, model, path)
        except InputError as error:
            field = f"{name}[{index}]" + (f".{error.field}" if error.field else "")
            raise InputError(error.problem, error.mend, file=path, field=field) from None
        if row.id in first_index:
            raise InputError(
                f"{row.id} is the id of {name}[{first_index[row.id]}] already",
                "give each its own id",
                file=path,
                field=f"{name}[{index}].id",
            )
        first_index[row.id] = index
        rows.append(row)
    return rows


def _check_names(categories: Iterable[_Category], path: Path) -> None:
    seen: set[str] = set()
    for index, row in enumerate(categories):
        if row.name in seen:
            raise InputError(
                f"{row.name!r} is the name of two categories",
                "join them, or name them apart",
                file=path,
                field=f"categories[{index}].name",
            )
        seen.add(row.name)
    if not seen:
        raise InputError("names no class", "add the categories", file=path, field="categories")


def _check_file(path: Path, index: int, image: _Image) -> None:
    field = f"images[{index}].file_name"
    name = PurePosixPath(image.file_name)
    if name.is_absolute() or ".." in name.parts:
        raise InputError(
            f"{image.file_name!r} leads out of the dataset",
            "give a path below the annotation file's folder",
            file=path,
            field=field,
        )
    if not (path.parent / name).is_file():
        raise InputError(
            f"no such image: {path.parent / name}",
            "copy the image there, or remove its entry",
            file=path,
            field=field,
        )


def _checked_box(row: _Annotation, image: _Image, path: Path, field: str) -> tuple[Box, bool]:
    """Returns the box as corners within the image, and whether it had to be cut."""
    x, y, width, height = row.bbox
    if width <= 0 or height <= 0:
        raise InputError(
            f"{list(row.bbox)} has no area", "draw it anew or remove it", file=path, field=field
        )
    given = (x, y, x + width, y + height)
    box = (
        max(given[0], 0.0),
        max(given[1], 0.0),
        min(given[2], float(image.width)),
        min(given[3], float(image.height)),
    )
    overshoot = max(abs(a - b) for a, b in zip(given, box, strict=True))
    if overshoot >= TOLERATED_OVERSHOOT_PX or box[0] >= box[2] or box[1] >= box[3]:
        raise InputError(
            f"{list(row.bbox)} leaves its image of {image.width}x{image.height} pixels",
            "correct the box; is it [x, y, width, height] in pixels of this image?",
            file=path,
            field=field,
        )
    return box, overshoot > 0


def _first_given(*values: int | str | None) -> str:
    return next(str(value) for value in values if value is not None)
