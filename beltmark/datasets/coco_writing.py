"""Writes a dataset as a COCO annotation file that `coco` reads back as it was.

Boxes are written as Python's shortest decimals; reading subtracts and adds again, so a corner comes
back within a rounding error of a float.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from beltmark.contract.documents import write_json
from beltmark.datasets.boxes import to_xywh
from beltmark.datasets.copying import copy_images, flat_names
from beltmark.datasets.dataset import Dataset, LabelledImage, LabelledObject


def write_coco(dataset: Dataset, path: Path) -> None:
    """Writes the annotation file, whole or not at all, after its images are there.

    Images below the file's folder stay where they are; others are copied to `images` beside it.
    Ids are the numbers of the rows, from 1.

    Raises:
        InputError: An image is missing, or a file of its name is there already.
        OSError: The disk is full or can't be written.
    """
    folder = path.parent.resolve()
    names = flat_names(dataset)
    targets = [
        image.path
        if image.path.resolve().is_relative_to(folder)
        else folder / "images" / names[index]
        for index, image in enumerate(dataset.images)
    ]
    moved = [
        (image, target)
        for image, target in zip(dataset.images, targets, strict=True)
        if image.path is not target
    ]
    copy_images([image for image, _ in moved], [target for _, target in moved])
    placed = [target.resolve().relative_to(folder).as_posix() for target in targets]
    write_json(path, coco_document(dataset, placed))


def coco_document(dataset: Dataset, names: Sequence[str]) -> dict[str, Any]:
    """Returns a COCO document with what Beltmark's own reader knows beyond COCO.

    Args:
        dataset: Its images get ids by their order, from 1; so do its classes and boxes.
        names: The images' files, as the document names them.
    """
    boxes = [
        (index, each) for index, image in enumerate(dataset.images, 1) for each in image.objects
    ]
    return {
        "categories": [
            {"id": index, "name": name} for index, name in enumerate(dataset.class_names, 1)
        ],
        "images": [
            _image_row(index, name, image)
            for index, (image, name) in enumerate(zip(dataset.images, names, strict=True), 1)
        ],
        "annotations": [
            _annotation_row(number, index, each) for number, (index, each) in enumerate(boxes, 1)
        ],
    }


def _image_row(image_id: int, name: str, image: LabelledImage) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": image_id,
        "file_name": name,
        "width": image.width_px,
        "height": image.height_px,
        "scene": image.scene,
        "sequence": image.sequence,
        "attributes": dict(image.attributes),
    }
    if image.ignore_xyxy_px:
        row["ignore"] = [to_xywh(box) for box in image.ignore_xyxy_px]
    if image.class_index is not None:
        row["category_id"] = image.class_index + 1
    return row


def _annotation_row(row_id: int, image_id: int, labelled: LabelledObject) -> dict[str, Any]:
    bbox = to_xywh(labelled.box_xyxy_px)
    row: dict[str, Any] = {
        "id": row_id,
        "image_id": image_id,
        "category_id": labelled.class_index + 1,
        "bbox": bbox,
        "area": bbox[2] * bbox[3],
        "iscrowd": 0,
        "truncated": labelled.truncated,
        "blurred": labelled.blurred,
        "uncertain": labelled.uncertain,
    }
    return row if labelled.track_id is None else {**row, "track_id": labelled.track_id}
