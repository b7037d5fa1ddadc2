"""One XML file of Pascal VOC: what it says of its image, as it is written.

Where the image is, from what coordinates are counted, and what an object becomes is left to `voc`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Box
from beltmark.datasets.sizes import MAX_SIDE_PX, Size
from beltmark.datasets.text import decode_text, number, whole_number

MAX_XML_BYTES: Final = 4 * 1024 * 1024
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class VocObject:
    """An object.

    Attributes:
        where: Such as `object[2]`.
        name: Its class.
        corners: `xmin`, `ymin`, `xmax`, `ymax`.
        is_difficult: As VOC means it.
        is_truncated: Likewise.
    """

    where: str
    name: str
    corners: Box
    is_difficult: bool
    is_truncated: bool


@dataclass(frozen=True)
class VocAnnotation:
    """An XML file.

    Attributes:
        path: The file.
        filename: Of the image, without folders; empty where it isn't told.
        size: Of the image, where it is told.
        objects: In the order of the file.
    """

    path: Path
    filename: str
    size: Size | None
    objects: tuple[VocObject, ...]


def parse_annotation(content: bytes, path: Path) -> VocAnnotation:
    """Reads the content of an XML file.

    Raises:
        InputError: Names the element (such as `object[2].bndbox.xmin`) and the mend.
    """
    root = _parse(content, path)
    if root.tag != "annotation":
        raise InputError(
            f"<{root.tag:.80}> is no annotation of Pascal VOC",
            "give a folder with no other XML files",
            file=path,
        )
    objects = [
        _object(element, f"object[{index}]", path)
        for index, element in enumerate(root.findall("object"))
    ]
    # `folder` and `path`, and folders before the name, are those of another machine.
    told = (root.findtext("filename") or "").strip().replace("\\", "/")
    return VocAnnotation(path, told.rpartition("/")[2], _size(root, path), tuple(objects))


def _parse(content: bytes, path: Path) -> ElementTree.Element:
    """Parses XML without a document type: no entity is declared, so none can grow.

    The text is decoded first, whatever encoding it declares, so that nothing hides in another.
    """
    text = decode_text(content, path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError("declares a document type", "VOC has none: remove <!DOCTYPE>", file=path)
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise InputError(f"not valid XML: {error}", "export it anew", file=path) from None


def _size(root: ElementTree.Element, path: Path) -> Size | None:
    """Returns the size that the file tells; some tools write 0 where they don't know it."""
    size = root.find("size")
    if size is None:
        return None
    width_px, height_px = _whole(size, "width", path), _whole(size, "height", path)
    if not width_px or not height_px:
        return None
    if not (0 < width_px <= MAX_SIDE_PX and 0 < height_px <= MAX_SIDE_PX):
        raise InputError(
            f"{width_px}x{height_px} is no size of an image",
            f"give 1 to {MAX_SIDE_PX} pixels",
            file=path,
            field="size",
        )
    return width_px, height_px


def _object(element: ElementTree.Element, where: str, path: Path) -> VocObject:
    name = (element.findtext("name") or "").strip()
    if not name:
        raise InputError("missing", "name the class", file=path, field=f"{where}.name")
    corners = []
    box = element.find("bndbox")
    for corner in _CORNERS:
        text = None if box is None else box.findtext(corner)
        value = None if text is None else number(text)
        if value is None:
            told = "missing" if text is None else f"{text.strip()!r:.60} is no number"
            raise InputError(told, "give pixels", file=path, field=f"{where}.bndbox.{corner}")
        corners.append(value)
    left, top, right, bottom = corners
    return VocObject(
        where,
        name,
        (left, top, right, bottom),
        _flag(element, "difficult", where, path),
        _flag(element, "truncated", where, path),
    )


def _flag(element: ElementTree.Element, name: str, where: str, path: Path) -> bool:
    text = (element.findtext(name) or "0").strip().lower()
    if text not in ("0", "1", "true", "false", "unspecified", ""):
        raise InputError(
            f"{text!r:.60} is neither 0 nor 1", "correct it", file=path, field=f"{where}.{name}"
        )
    return text in ("1", "true")


def _whole(size: ElementTree.Element, side: str, path: Path) -> int | None:
    text = size.findtext(side)
    if text is None or not text.strip():
        return None
    value = whole_number(text)
    if value is None:
        raise InputError(
            f"{text.strip()!r:.60} is no whole number",
            "give pixels",
            file=path,
            field=f"size.{side}",
        )
    return value
