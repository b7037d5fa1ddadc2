"""Makes Label Studio tasks of a COCO dataset: with its boxes as people's work, or as a model's.

Nothing of an image or a box gets lost: what Label Studio has no place for is stored beside each
region and each task (`memory`), and `importing` makes the same dataset of it again. Reading and
writing files is left to `coco_rows` and the command.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

from beltmark.datasets.label_studio import memory
from beltmark.datasets.label_studio.addresses import address_of
from beltmark.datasets.label_studio.regions import Box, Size, to_percent
from beltmark.datasets.label_studio.words import (
    FLAGS,
    FLAGS_CONTROL,
    IMAGE,
    LABEL,
    PERCENT_FIELD,
    UNSURE,
    Number,
    Row,
)
from labeling.coco_rows import CocoRows

_PERCENT: Final = TypeAdapter(tuple[Number, Number, Number, Number])

Kind = Literal["annotations", "predictions"]

WHOLE_IMAGE: Final = "whole_image"
"""Field of an annotation that stands for the class of its image as a whole: people see a box."""


@dataclass(frozen=True)
class ExportPlan:
    """How tasks are made.

    Attributes:
        kind: Whether boxes are people's work or a model's.
        images_prefix: What goes before each file name.
        model_version: Whose predictions they are.
    """

    kind: Kind = "annotations"
    images_prefix: str = ""
    model_version: str = ""


def to_tasks(rows: CocoRows, plan: ExportPlan) -> list[dict[str, Any]]:
    """Returns the tasks, one an image, in the order of the images.

    An `ignore` region of an image becomes a region labelled "unsure"; a flag of a box that is set
    becomes a choice for its region. A prediction is cut at the image's border, as Label Studio
    takes no other; its score is that of its least sure box.
    """
    names = rows.class_names
    tasks = []
    for image_row, annotations in zip(rows.images, rows.by_image().values(), strict=True):
        result = regions_of(image_row, annotations, names, plan.kind)
        data: dict[str, Any] = {
            IMAGE: address_of(image_row["file_name"], plan.images_prefix),
            **memory.of_task(image_row, rows.header),
        }
        tasks.append({"data": data, plan.kind: [_work(result, plan)]})
    return tasks


def regions_of(
    image_row: Row, annotations: Iterable[Row], class_names: Mapping[int, str], kind: Kind
) -> list[dict[str, Any]]:
    """Returns the regions of an image: its boxes, what is true of them, and what is not judged.

    Args:
        image_row: COCO's row of the image.
        annotations: COCO's rows of its boxes.
        class_names: By the ids of the categories.
        kind: Whose boxes they are.
    """
    size: Size = (image_row["width"], image_row["height"])
    result: list[dict[str, Any]] = []
    for annotation in annotations:
        result += _box_regions(annotation, class_names[annotation["category_id"]], size, kind)
    for index, ignored in enumerate(image_row.get("ignore", ())):
        result.append(_ignored_region(index, tuple(ignored), size, kind))
    return result


def predicted_region(region_id: str, class_name: str, box: Box, size: Size) -> dict[str, Any]:
    """Returns the region of a box that a model found.

    Args:
        region_id: Its id in the task.
        class_name: Of the box.
        box: Left, top, width, height, in pixels; cut at the image's border.
        size: The image's.
    """
    return _region(region_id, class_name, _cut(to_percent(box, size)), size)


def _work(result: list[dict[str, Any]], plan: ExportPlan) -> dict[str, Any]:
    if plan.kind == "annotations":
        return {"result": result}
    scores = [region["score"] for region in result if "score" in region]
    work: dict[str, Any] = {"model_version": plan.model_version, "result": result}
    return {**work, "score": min(scores)} if scores else work


def _box_regions(annotation: Row, class_name: str, size: Size, kind: Kind) -> list[dict[str, Any]]:
    """Returns the region of an annotation, and the choice that says what is true of it."""
    region_id = f"beltmark-{annotation['id']}"
    percent = to_percent(tuple(annotation["bbox"]), size, known=_drawn_percent(annotation))
    kept = {k: v for k, v in annotation.items() if k not in ("image_id", PERCENT_FIELD)}
    if kind == "predictions":
        percent = _cut(percent)
    region = _region(region_id, class_name, percent, size)
    region["meta"] = memory.of_box(region_id, kept)
    score = annotation.get("score")
    if kind == "predictions" and isinstance(score, int | float) and 0 <= score <= 1:
        region["score"] = score
    flags = [flag for flag in FLAGS if annotation.get(flag)]
    if not flags:
        return [region]
    place = {key: region["value"][key] for key in ("x", "y", "width", "height", "rotation")}
    choice = {"from_name": FLAGS_CONTROL, "type": "choices", "value": {**place, "choices": flags}}
    return [region, {**region, **choice}]


def _ignored_region(index: int, box: Box, size: Size, kind: Kind) -> dict[str, Any]:
    region_id = f"beltmark-{UNSURE}-{index}"
    percent = to_percent(box, size)
    region = _region(region_id, UNSURE, _cut(percent) if kind == "predictions" else percent, size)
    return {**region, "meta": memory.of_ignored(region_id, box)}


def _region(region_id: str, label: str, percent: Box, size: Size) -> dict[str, Any]:
    x, y, width, height = percent
    return {
        "id": region_id,
        "from_name": LABEL,
        "to_name": IMAGE,
        "type": "rectanglelabels",
        "original_width": size[0],
        "original_height": size[1],
        "image_rotation": 0,
        "value": {
            "x": x,
            "y": y,
            "width": width,
            "height": height,
            "rotation": 0,
            "rectanglelabels": [label],
        },
    }


def _cut(percent: Box) -> Box:
    """Cuts a box at the image's border; what is within it stays as it is."""
    x, y, width, height = percent
    (left, wide), (top, high) = _cut_span(x, width), _cut_span(y, height)
    return (left, top, wide, high)


def _cut_span(start: float, length: float) -> tuple[float, float]:
    end = start + length
    if start >= 0 and end <= 100:
        return start, length
    begin = min(max(start, 0.0), 100.0)
    return begin, max(min(end, 100.0) - begin, 0.0)


def _drawn_percent(annotation: Row) -> Box | None:
    """Returns the percents that an annotation was once drawn in, where they were kept."""
    kept = annotation.get(PERCENT_FIELD)
    try:
        return _PERCENT.validate_python(kept)
    except ValidationError:  # somebody else's field of that name
        return None
