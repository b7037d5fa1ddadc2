"""Writes a dataset as a COCO annotation file that `coco` reads back as it was.

Boxes are written as Python's shortest decimals; reading subtracts and adds again, so a corner comes
back within a rounding error of a float.
"""

from pathlib import Path
from typing import Any

from beltmark.contract.documents import write_json
from beltmark.datasets.coco import ATTRIBUTES
from beltmark.datasets.copying import copy_images, flat_names
from beltmark.datasets.dataset import Box, Dataset, LabelledImage, LabelledObject


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
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index, image in enumerate(dataset.images):
        name = targets[index].resolve().relative_to(folder).as_posix()
        images.append(_image_row(index + 1, name, image))
        for labelled in image.objects:
            annotations.append(_annotation_row(len(annotations) + 1, index + 1, labelled))
    categories = [{"id": k + 1, "name": name} for k, name in enumerate(dataset.class_names)]
    write_json(path, {"images": images, "annotations": annotations, "categories": categories})


def _image_row(image_id: int, name: str, image: LabelledImage) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": image_id,
        "file_name": name,
        "width": image.width_px,
        "height": image.height_px,
        "scene": image.scene,
        "sequence": image.sequence,
    }
    if image.ignore_xyxy_px:
        row["ignore"] = [_xywh(box) for box in image.ignore_xyxy_px]
    if image.class_index is not None:
        row["category_id"] = image.class_index + 1
    row |= {key: image.attributes[key] for key in ATTRIBUTES if key in image.attributes}
    if others := {k: v for k, v in image.attributes.items() if k not in ATTRIBUTES}:
        row["attributes"] = others
    return row


def _annotation_row(row_id: int, image_id: int, labelled: LabelledObject) -> dict[str, Any]:
    bbox = _xywh(labelled.box_xyxy_px)
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


def _xywh(box: Box) -> list[float]:
    left, top, right, bottom = box
    return [left, top, right - left, bottom - top]
