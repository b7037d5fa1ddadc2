"""Reads object-detection datasets in COCO format, and refuses what would mislead training.

Beyond COCO it keeps what belts need. Of an image: `scene` and `sequence`, its `ignore` regions
`[[x, y, width, height], ...]`, its class as a whole (`category_id`), and what else is told of it,
in `attributes` or as a field of its own (`ATTRIBUTES`). Of a box: `track_id`, `truncated`,
`blurred` and `uncertain`. Writing is left to `coco_writing`, splitting to `split`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from beltmark.contract.documents import parse, read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.checking import check_class_names, checked_box
from beltmark.datasets.dataset import Box, Dataset, LabelledImage, LabelledObject
from beltmark.datasets.files import DatasetFiles, clean_name
from beltmark.datasets.sizes import MAX_SIDE_PX
from beltmark.datasets.text import MAX_ANNOTATION_BYTES, parse_json

ATTRIBUTES: Final = ("item", "session", "station", "light", "captured_at", "annotator", "split")
"""Fields of an image's row that are taken over into its attributes."""

MAX_ATTRIBUTES: Final = 64
MAX_ATTRIBUTE_LENGTH: Final = 1_000


class _Row(BaseModel):
    """Base of the file's rows; fields that other tools add are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    id: int


RowT = TypeVar("RowT", bound=_Row)


class _Category(_Row):
    name: str = Field(min_length=1)


class _Image(_Row):
    file_name: str = Field(min_length=1)
    width: int = Field(gt=0, le=MAX_SIDE_PX)
    height: int = Field(gt=0, le=MAX_SIDE_PX)
    scene: int | str | None = None
    sequence: int | str | None = None
    ignore: tuple[tuple[float, float, float, float], ...] = ()
    category_id: int | None = None


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
    """Reads an annotation file; its image files must exist, and are read later.

    Names of images are relative to the annotation file's folder; where that is called
    `annotations`, they may also be relative to the folder above it or to `images` or the like in
    that (see `image_folders`).

    Raises:
        InputError: Names file, element (such as `annotations[12].bbox`) and mend.
    """
    content = read_bytes(path, limit=MAX_ANNOTATION_BYTES)
    document = parse_json(content, path)
    return dataset_of(document, path, sha256=sha256_of(content), folders=image_folders(path))


def dataset_of(
    document: object, path: Path, *, sha256: str, folders: Iterable[Path], format_name: str = "coco"
) -> Dataset:
    """Checks the content of an annotation file.

    Args:
        document: As `json.loads` returns it.
        path: For messages.
        sha256: Digest of what it was read from.
        folders: Where the images may lie; the first in which the first image lies counts.
        format_name: Of what it was read from.

    Raises:
        InputError: Names file, element (such as `annotations[12].bbox`) and mend.
    """
    if not isinstance(document, dict):
        raise InputError("not a COCO file", "give a JSON object with images", file=path)
    categories = _rows(document, "categories", _Category, path)
    check_class_names(
        ((row.name, f"categories[{index}].name") for index, row in enumerate(categories)),
        path,
        "categories",
    )
    images = _rows(document, "images", _Image, path)
    annotations = _rows(document, "annotations", _Annotation, path)
    paths = _paths(images, path, folders)
    class_index = {row.id: k for k, row in enumerate(sorted(categories, key=lambda row: row.id))}
    objects: dict[int, list[LabelledObject]] = {image.id: [] for image in images}
    ignored: dict[int, list[Box]] = {
        image.id: [(x, y, x + w, y + h) for x, y, w, h in image.ignore] for image in images
    }
    image_of = {image.id: image for image in images}
    clipped = 0
    for index, row in enumerate(annotations):
        where = f"annotations[{index}]"
        _check_category(row.category_id, class_index, path, where)
        image = image_of.get(row.image_id)
        if image is None:
            raise InputError(
                f"{row.image_id} is no image",
                "add the image or remove the annotation",
                file=path,
                field=f"{where}.image_id",
            )
        x, y, width, height = row.bbox
        box, was_clipped = checked_box(
            (x, y, x + width, y + height),
            (image.width, image.height),
            path,
            f"{where}.bbox",
            shown=list(row.bbox),
        )
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
    labelled = []
    for index, image in enumerate(images):
        where = f"images[{index}]"
        if image.category_id is not None:
            _check_category(image.category_id, class_index, path, where)
        labelled.append(
            LabelledImage(
                paths[index],
                image.width,
                image.height,
                _first_given(image.scene, image.sequence, image.file_name),
                _first_given(image.sequence, image.scene, image.file_name),
                tuple(ignored[image.id]),
                tuple(objects[image.id]),
                None if image.category_id is None else class_index[image.category_id],
                _attributes(document["images"][index], path, where),
            )
        )
    names = tuple(row.name for row in sorted(categories, key=lambda row: row.id))
    return Dataset(path, sha256, names, tuple(labelled), clipped, format_name)


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


def _paths(images: list[_Image], path: Path, folders: Iterable[Path]) -> list[Path]:
    """Returns the image files, all of them below one of the folders, none of them twice."""
    candidates = [DatasetFiles(folder) for folder in folders]
    files = candidates[0]
    if images and (name := clean_name(images[0].file_name)) is not None:
        files = next((each for each in candidates if each.has(name)), files)
    first: dict[Path, int] = {}
    for index, image in enumerate(images):
        where = f"images[{index}].file_name"
        found = files.path_of(image.file_name, path, where)
        if first.setdefault(found, index) != index:
            raise InputError(
                f"{image.file_name!r:.200} is the file of images[{first[found]}] already",
                "join them, so that no image is learnt from and judged by",
                file=path,
                field=where,
            )
    return list(first)


def image_folders(path: Path) -> list[Path]:
    """Returns where images may lie: beside the file, or where COCO itself and CVAT put them.

    COCO has `annotations/instances_train2017.json` beside `train2017/`, CVAT
    `annotations/instances_default.json` beside `images/` or `images/default/`.
    """
    if path.parent.name != "annotations":
        return [path.parent]
    above = path.parent.parent
    part = path.stem.split("_", 1)[-1]
    return [path.parent, above / "images", above / "images" / part, above / part, above]


def _check_category(
    category_id: int, class_index: Mapping[int, int], path: Path, where: str
) -> None:
    if category_id not in class_index:
        known = ", ".join(map(str, list(class_index)[:20]))
        raise InputError(
            f"{category_id} is no category (known: {known})",
            "add the category or correct the id",
            file=path,
            field=f"{where}.category_id",
        )


def _attributes(row: Mapping[str, Any], path: Path, where: str) -> dict[str, str]:
    """Returns what else is told of an image: text and numbers, as text."""
    given = row.get("attributes")
    if not given and row.keys().isdisjoint(ATTRIBUTES):
        return {}
    told = given if isinstance(given, dict) else {}
    plain = {
        name: str(value)
        for name, value in (*told.items(), *((name, row.get(name)) for name in ATTRIBUTES))
        if isinstance(value, str | int | float)
    }
    if len(plain) > MAX_ATTRIBUTES or any(
        len(text) > MAX_ATTRIBUTE_LENGTH for text in (*plain, *plain.values())
    ):
        raise InputError(
            f"tells more than {MAX_ATTRIBUTES} attributes, or one of more than "
            f"{MAX_ATTRIBUTE_LENGTH} characters",
            "keep what splits and slices go by",
            file=path,
            field=f"{where}.attributes",
        )
    return plain


def _first_given(*values: int | str | None) -> str:
    return next(str(value) for value in values if value is not None)
