"""What COCO knows beyond Label Studio: stored with a task and beside each region, and read back.

Label Studio keeps both as they are, through its database, its editor and its exports (JSON-MIN
leaves out what is beside a region). A region that people copy takes what is beside it along; that
it is a copy shows by its id.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from beltmark.contract.documents import parse
from beltmark.datasets.label_studio.regions import Box
from beltmark.datasets.label_studio.tasks import Region, Task
from beltmark.datasets.label_studio.words import Category, Number, Row

FIELD: Final = "beltmark"
"""Under this name it lies, in the data of a task and in the `meta` of a region."""


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class ImageRow(_Kept):
    """The fields of an image's row that are needed here; the others are kept as they are."""

    id: StrictInt | None = None
    file_name: str = Field(min_length=1)
    width: StrictInt = Field(gt=0)
    height: StrictInt = Field(gt=0)


class _OfTask(_Kept):
    image: dict[str, Any] | None = None
    dataset: dict[str, Any] | None = None


class _CategoryRow(_Kept):
    id: StrictInt
    name: str = Field(min_length=1)


class _Categories(_Kept):
    categories: tuple[_CategoryRow, ...] = ()


class _BoxRow(_Kept):
    id: StrictInt
    bbox: tuple[Number, Number, Number, Number]


class _OfRegion(_Kept):
    region: str
    row: dict[str, Any] | None = None
    ignore: tuple[Number, Number, Number, Number] | None = None


def of_task(image: Row, header: Row | None = None) -> dict[str, Any]:
    """Returns what a task's data holds of its image and of the dataset as a whole."""
    kept = {"image": image} if header is None else {"image": image, "dataset": header}
    return {FIELD: kept}


def of_box(region_id: str, annotation: Row) -> dict[str, Any]:
    """Returns what is stored beside the region of an annotation: its row, and whose it is."""
    return {FIELD: {"region": region_id, "row": annotation}}


def of_ignored(region_id: str, box_xywh_px: Box) -> dict[str, Any]:
    """Returns what is stored beside a region in which nothing is judged."""
    return {FIELD: {"region": region_id, "ignore": box_xywh_px}}


def image_of(task: Task, path: Path) -> Row | None:
    """Returns the image's row as `ImageRow` demands it; None where the task knows of none.

    Raises:
        InputError: There is one, but not as this program writes it.
    """
    image = _read_task(task, path).image
    if image is not None:
        parse(image, ImageRow, f"{path}: {task.name}, data.{FIELD}.image")
    return image


def dataset_of(task: Task, path: Path) -> Row | None:
    """Returns what is said of the dataset as a whole; its categories have ids and names.

    Raises:
        InputError: There is something, but not as this program writes it.
    """
    dataset = _read_task(task, path).dataset
    if dataset is not None:
        parse(dataset, _Categories, f"{path}: {task.name}, data.{FIELD}.dataset")
    return dataset


def annotation_of(region: Region, where: str) -> tuple[Row | None, bool]:
    """Returns the annotation that a region was made of, and whether the region is a copy of it.

    Raises:
        InputError: There is one, but not as this program writes it.
    """
    kept = _read_region(region, where)
    if kept is None or kept.row is None:
        return None, False
    parse(kept.row, _BoxRow, where)
    return kept.row, kept.region != region.id


def ignored_of(region: Region, where: str) -> Box | None:
    """Returns the box that a region was made of, in pixels, if it was in no class.

    Raises:
        InputError: There is one, but not as this program writes it.
    """
    kept = _read_region(region, where)
    if kept is None or kept.ignore is None:
        return None
    return kept.ignore


def categories_of(dataset: Row | None) -> list[Category]:
    """Returns the categories of a checked dataset."""
    return [] if dataset is None else list(dataset.get("categories", ()))


def _read_task(task: Task, path: Path) -> _OfTask:
    kept = task.data.get(FIELD)
    return _OfTask() if kept is None else parse(kept, _OfTask, f"{path}: {task.name}, data.{FIELD}")


def _read_region(region: Region, where: str) -> _OfRegion | None:
    meta: Mapping[str, Any] = region.meta or {}
    return parse(meta[FIELD], _OfRegion, where) if FIELD in meta else None
