"""Writes a dataset as YOLO reads it: `data.yaml`, `images/PART/`, `labels/PART/`.

What the format has no place for is not in it: ignored regions, flags and tracks of boxes, scenes,
classes of whole images. So images with ignored regions are told to the caller: to YOLO they look
fully labelled.
"""

from pathlib import Path
from typing import Final

import yaml

from beltmark.contract.documents import write_bytes
from beltmark.datasets.copying import copy_images, flat_names
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.parts import SPLIT

_PARTS: Final = {"train": "train", "validation": "val", "test": "test"}


def write_yolo(dataset: Dataset, folder: Path) -> int:
    """Writes the dataset into a folder: images first, `data.yaml` last, each file whole or not.

    An image's part is that of its attribute `split`, else `train`; `val`, which the trainers want,
    is `train` where no image is for validation.

    Returns:
        How many images have ignored regions, which are lost.

    Raises:
        InputError: An image is missing, or a file of its name is there already.
        OSError: The disk is full or can't be written.
    """
    names = flat_names(dataset)
    parts = [_PARTS.get(image.attributes.get(SPLIT, ""), "train") for image in dataset.images]
    copy_images(
        dataset.images,
        [folder / "images" / part / name for part, name in zip(parts, names, strict=True)],
    )
    for image, part, name in zip(dataset.images, parts, names, strict=True):
        write_bytes(folder / "labels" / part / f"{Path(name).stem}.txt", _lines(image))
    document: dict[str, object] = {
        part: f"images/{part}" for part in _PARTS.values() if part in parts
    }
    document.setdefault("val", document.get("train"))
    document["names"] = dict(enumerate(dataset.class_names))
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    write_bytes(folder / "data.yaml", text.encode())
    return sum(bool(image.ignore_xyxy_px) for image in dataset.images)


def _lines(image: LabelledImage) -> bytes:
    lines = []
    for labelled in image.objects:
        left, top, right, bottom = labelled.box_xyxy_px
        x, y = (left + right) / 2 / image.width_px, (top + bottom) / 2 / image.height_px
        width, height = (right - left) / image.width_px, (bottom - top) / image.height_px
        shares = " ".join(f"{share:.9f}" for share in (x, y, width, height))
        lines.append(f"{labelled.class_index} {shares}\n")
    return "".join(lines).encode()
