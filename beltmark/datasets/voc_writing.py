"""Writes a dataset as Pascal VOC: `Annotations/`, `JPEGImages/`, `ImageSets/Main/`, `classes.txt`.

Coordinates are counted from 1, as VOC does, with decimals where a box needs them. An ignored region
is written as a difficult object. What VOC has no place for (tracks, blur, doubt, scenes, classes
of whole images, attributes) is not in it.
"""

from pathlib import Path
from xml.etree import ElementTree

from beltmark.contract.documents import write_bytes
from beltmark.datasets.copying import copy_images, flat_names
from beltmark.datasets.dataset import Box, Dataset, LabelledImage
from beltmark.datasets.parts import SPLIT
from beltmark.datasets.voc import CLASS_FILES, IMAGE_SETS

IGNORED = "ignored"
"""Name of the difficult objects that stand for ignored regions."""

_SET_NAMES = {"train": "train", "validation": "val", "test": "test"}


def write_voc(dataset: Dataset, folder: Path) -> None:
    """Writes the dataset into a folder, images first, each file whole or not at all.

    Raises:
        InputError: An image is missing, or a file of its name is there already.
        OSError: The disk is full or can't be written.
    """
    names = flat_names(dataset)
    copy_images(dataset.images, [folder / "JPEGImages" / name for name in names])
    parts: dict[str, list[str]] = {}
    for image, name in zip(dataset.images, names, strict=True):
        root = _annotation(image, name, dataset.class_names)
        stem = Path(name).stem
        write_bytes(folder / "Annotations" / f"{stem}.xml", _xml(root))
        if (part := _SET_NAMES.get(image.attributes.get(SPLIT, ""))) is not None:
            parts.setdefault(part, []).append(stem)
    for part, stems in parts.items():
        write_bytes(folder / IMAGE_SETS / f"{part}.txt", "".join(f"{s}\n" for s in stems).encode())
    write_bytes(folder / CLASS_FILES[0], "".join(f"{n}\n" for n in dataset.class_names).encode())


def _annotation(
    image: LabelledImage, name: str, class_names: tuple[str, ...]
) -> ElementTree.Element:
    root = ElementTree.Element("annotation")
    _add(root, "folder", "JPEGImages")
    _add(root, "filename", name)
    size = ElementTree.SubElement(root, "size")
    _add(size, "width", str(image.width_px))
    _add(size, "height", str(image.height_px))
    _add(size, "depth", "3")
    _add(root, "segmented", "0")
    for labelled in image.objects:
        class_name = class_names[labelled.class_index]
        _object(root, class_name, labelled.box_xyxy_px, truncated=labelled.truncated)
    for box in image.ignore_xyxy_px:
        _object(root, IGNORED, box, difficult=True)
    return root


def _object(
    root: ElementTree.Element,
    name: str,
    box: Box,
    *,
    truncated: bool = False,
    difficult: bool = False,
) -> None:
    element = ElementTree.SubElement(root, "object")
    _add(element, "name", name)
    _add(element, "pose", "Unspecified")
    _add(element, "truncated", str(int(truncated)))
    _add(element, "difficult", str(int(difficult)))
    corners = ElementTree.SubElement(element, "bndbox")
    left, top, right, bottom = box
    _add(corners, "xmin", _number(left + 1))
    _add(corners, "ymin", _number(top + 1))
    _add(corners, "xmax", _number(right))
    _add(corners, "ymax", _number(bottom))


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6f}".rstrip("0")


def _xml(root: ElementTree.Element) -> bytes:
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode").encode() + b"\n"
