"""Reads Pascal VOC: a folder of XML files, one an image, beside the images or in a tree of folders.

VOC's own tree is `Annotations/`, `JPEGImages/` and `ImageSets/Main/`; labelImg and many exports put
each XML file beside its image. What was decided, and why:

* **Coordinates.** VOC counts pixels from 1, both ends included: from `xmin` to `xmax` is from
  `xmin - 1` to `xmax` as we count. Other tools write corners from 0 into the same fields. An `xmin`
  or `ymin` below 1 proves such a tool, so then all corners of the dataset are taken as they stand;
  else VOC's rule holds. (Where no box touches the left or upper border, corners from 0 are so read
  a pixel too large on these two sides; `notes` tells which way was taken.)
* **difficult** objects become ignored regions: VOC's evaluation counts neither missing nor finding
  them (VOC2012 development kit, section 4.4). It ignores their class only, our regions all classes.
* **truncated** is kept; VOC also says it of what is hidden behind something. **occluded** objects
  are judged as all others are, and so they are here. `pose` and parts of objects are left out.
* The classes are those of `classes.txt` or `labels.txt` in the folder, one a line, if there is one;
  else those of all objects that are not difficult, sorted.

An XML file needs its image; an image without XML file is taken for empty, and counted in `notes`.
What stands in one file is read in `voc_annotation`, writing is left to `voc_writing`.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from beltmark.datasets.checking import check_class_names, checked_box
from beltmark.datasets.dataset import Box, Dataset, LabelledImage, LabelledObject
from beltmark.datasets.files import IMAGE_SUFFIXES, DatasetFiles, is_image
from beltmark.datasets.parts import SPLIT, part_of
from beltmark.datasets.sizes import Size, image_sizes
from beltmark.datasets.text import decode_text
from beltmark.datasets.voc_annotation import (
    MAX_XML_BYTES,
    VocAnnotation,
    VocObject,
    parse_annotation,
)

IMAGE_SETS: Final = "ImageSets/Main"
CLASS_FILES: Final = ("classes.txt", "labels.txt")
_IMAGE_FOLDERS = ("JPEGImages", "images", "Images")
_NO_PICTURES = ("SegmentationClass", "SegmentationObject")
"""Folders of VOC with masks."""


def read_voc(folder: Path) -> Dataset:
    """Reads a folder; image files are read later, but their first bytes where no size is told.

    Raises:
        InputError: Names file, element (such as `object[2].bndbox.xmin`) and mend.
    """
    files = DatasetFiles(folder)
    digest = hashlib.sha256()
    annotations: dict[str, VocAnnotation] = {}
    images: list[str] = []
    for name in files.below():
        if is_image(name) and not any(part in _NO_PICTURES for part in name.split("/")):
            images.append(name)
            _add(digest, name, b"")
        elif name.lower().endswith(".xml"):
            content = read_bytes(folder / name, limit=MAX_XML_BYTES)
            _add(digest, name, content)
            annotation = parse_annotation(content, folder / name)
            image = _image_of(annotation, name, files)
            if image in annotations:
                raise InputError(
                    f"is of the image {image!r:.200}, as {annotations[image].path.name} is",
                    "remove one of them",
                    file=annotation.path,
                    field="filename",
                )
            annotations[image] = annotation
    if not annotations:
        raise InputError("has no XML file in it", "give the folder of Annotations", file=folder)
    class_names = _class_names(files, annotations.values(), digest)
    parts = _parts(files, images, digest)
    labelled, clipped = _images(folder, class_names, images, annotations, parts)
    notes = [f"coordinates are counted from {_first_pixel(annotations.values())}"]
    if without := len(images) - len(annotations):
        notes.append(f"{without} images have no XML file: taken as empty")
    return Dataset(folder, digest.hexdigest(), class_names, labelled, clipped, "voc", tuple(notes))


def _first_pixel(annotations: Iterable[VocAnnotation]) -> int:
    """Returns which number the first pixel has: 0 if there is proof of it, else VOC's 1."""
    corners = (each.corners for read in annotations for each in read.objects)
    return 0 if any(min(each[:2]) < 1 for each in corners) else 1


def _images(
    folder: Path,
    class_names: tuple[str, ...],
    images: list[str],
    annotations: Mapping[str, VocAnnotation],
    parts: Mapping[str, str],
) -> tuple[tuple[LabelledImage, ...], int]:
    """Returns the images, and how many boxes were cut at their borders."""
    first_pixel = _first_pixel(annotations.values())
    size_of = _sizes(folder, images, annotations)
    class_index = {name: k for k, name in enumerate(class_names)}
    labelled, clipped = [], 0
    for name in images:
        size = size_of[name]
        objects: list[LabelledObject] = []
        ignored: list[Box] = []
        for each in annotations[name].objects if name in annotations else ():
            box, was_clipped = _box(each, size, first_pixel, annotations[name].path)
            clipped += was_clipped
            if each.is_difficult:
                ignored.append(box)
            else:
                index = class_index[each.name]
                objects.append(LabelledObject(index, box, truncated=each.is_truncated))
        told = {SPLIT: parts[name]} if name in parts else {}
        labelled.append(
            LabelledImage(
                folder / name, *size, name, name, tuple(ignored), tuple(objects), None, told
            )
        )
    return tuple(labelled), clipped


def _box(each: VocObject, size: Size, first_pixel: int, path: Path) -> tuple[Box, bool]:
    left, top, right, bottom = each.corners
    return checked_box(
        (left - first_pixel, top - first_pixel, right, bottom),
        size,
        path,
        f"{each.where}.bndbox",
        shown=list(each.corners),
    )


def _sizes(
    folder: Path, images: Iterable[str], annotations: Mapping[str, VocAnnotation]
) -> dict[str, Size]:
    sizes: dict[str, Size] = {}
    unknown = []
    for name in images:
        size = annotations[name].size if name in annotations else None
        if size is None:
            unknown.append(name)
        else:
            sizes[name] = size
    found = image_sizes([folder / name for name in unknown])
    return {**sizes, **dict(zip(unknown, found, strict=True))}


def _image_of(annotation: VocAnnotation, name: str, files: DatasetFiles) -> str:
    """Returns the name of the image: as the file tells it, else the XML file's own."""
    folder, _, own = name.rpartition("/")
    stem = own.rpartition(".")[0]
    parts = folder.split("/")
    places = [folder]
    if "Annotations" in parts:
        at = parts.index("Annotations")
        places += ["/".join([*parts[:at], each, *parts[at + 1 :]]) for each in _IMAGE_FOLDERS]
    told = [annotation.filename] if is_image(annotation.filename) else []
    for base in itertools.chain(told, _names_of(stem)):
        for place in places:
            found = f"{place}/{base}" if place else base
            if files.has(found):
                return found
    raise InputError(
        f"no such image: {annotation.filename or stem!r:.200} "
        f"(looked into {', '.join(place or 'its folder' for place in places):.300})",
        "copy the image there, or remove the XML file",
        file=annotation.path,
        field="filename",
    )


def _names_of(stem: str) -> Iterator[str]:
    for suffix in sorted(IMAGE_SUFFIXES):
        yield stem + suffix
        yield stem + suffix.upper()


def _class_names(
    files: DatasetFiles, annotations: Iterable[VocAnnotation], digest: "hashlib._Hash"
) -> tuple[str, ...]:
    first: dict[str, tuple[Path, str]] = {}
    for annotation in annotations:
        for each in annotation.objects:
            if not each.is_difficult:
                first.setdefault(each.name, (annotation.path, f"{each.where}.name"))
    told = next((name for name in CLASS_FILES if files.has(name)), None)
    if told is None:
        names = sorted(first)
        places = {name: f"{path.name}: {where}" for name, (path, where) in first.items()}
        check_class_names([(name, places[name]) for name in names], files.root)
        return tuple(names)
    path = files.root / told
    lines = _lines(path, digest)
    check_class_names([(text, f"line {line}") for line, text in lines], path)
    names = [text for _, text in lines]
    for name, (file, where) in first.items():
        if name not in names:
            raise InputError(
                f"{name!r:.80} is no class of {told}", "add it there", file=file, field=where
            )
    return tuple(names)


def _parts(files: DatasetFiles, images: list[str], digest: "hashlib._Hash") -> dict[str, str]:
    """Returns the part of each image: as the image sets say, else the folder it lies in."""
    parts: dict[str, str] = {}
    by_stem = {name.rpartition("/")[2].rpartition(".")[0]: name for name in images}
    for name in files.files(IMAGE_SETS):
        part = part_of(name.removesuffix(".txt"))
        if part is None or not name.endswith(".txt"):
            continue  # trainval, or of one class
        path = files.root / IMAGE_SETS / name
        for line, text in _lines(path, digest):
            image = by_stem.get(text)
            if image is None:
                raise InputError(
                    f"{text!r:.200} is no image of the dataset",
                    "copy the image, or remove the line",
                    file=path,
                    field=f"line {line}",
                )
            if parts.setdefault(image, part) != part:
                raise InputError(
                    f"{text!r:.200} is for {parts[image]} already",
                    "an image can serve one part",
                    file=path,
                    field=f"line {line}",
                )
    if parts:
        return parts
    found = {name: part_of(name.partition("/")[0]) for name in images if "/" in name}
    return {name: part for name, part in found.items() if part is not None}


def _lines(path: Path, digest: "hashlib._Hash") -> list[tuple[int, str]]:
    """Returns a file's lines that are not empty, with their numbers."""
    content = read_bytes(path)
    _add(digest, path.name, content)
    lines = enumerate(decode_text(content, path).splitlines(), 1)
    return [(line, text.strip()) for line, text in lines if text.strip()]


def _add(digest: "hashlib._Hash", name: str, content: bytes) -> None:
    digest.update(f"{name}\n{len(content)}\n".encode(errors="surrogateescape"))
    digest.update(content)
