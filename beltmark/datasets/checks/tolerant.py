"""Reads an annotation file with faults in it: tells every fault, and goes on with the rest.

The readers refuse a file at its first fault, since training on it would be built on sand. A check
has to tell them all. Only rows of COCO can be left out one by one, and images whose files alone
tell their sizes; all else is read as ever.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from beltmark.contract.documents import read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.checking import TOLERATED_OVERSHOOT_PX
from beltmark.datasets.checks.finding import Finding, Place
from beltmark.datasets.coco import dataset_of, image_folders
from beltmark.datasets.dataset import Box, Dataset
from beltmark.datasets.files import DatasetFiles, clean_name
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.sizes import MAX_SIDE_PX, UnreadableImagesError
from beltmark.datasets.text import MAX_ANNOTATION_BYTES, parse_json

_LISTS: Final = ("categories", "images", "annotations")
_FILE: Final = "annotations.json"
_ROW: Final = re.compile(r"(categories|images|annotations)\[(\d+)\]")
_MOST_OTHER: Final = 100
"""Rows that only the reader itself refuses are found one after another, each by reading anew."""

Row = dict[str, Any]


class _FaultError(Exception):
    """Why a row is left out."""


@dataclass
class _Sieve:
    """The rows that are good so far, each with its number in the file, and what was found."""

    kept: dict[str, list[tuple[int, Row]]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def take(self, name: str, rows: list[Any], judge: Callable[[Row, str], Finding | None]) -> None:
        """Judges each row of a list: it is kept, or what is wrong with it is."""
        kept = self.kept[name] = []
        for number, row in enumerate(rows):
            where = f"{name}[{number}]"
            try:
                if not isinstance(row, dict):
                    raise _FaultError("is no object")
                finding = judge(row, where)
            except _FaultError as fault:
                finding = _bad_row(where, str(fault))
            if finding is None:
                kept.append((number, row))
            else:
                self.findings.append(finding)

    def document(self) -> dict[str, list[Row]]:
        """What is left of the file."""
        return {name: [row for _, row in rows] for name, rows in self.kept.items()}


def read_tolerantly(path: Path) -> tuple[Dataset, tuple[Finding, ...]]:
    """Reads a dataset with what is wrong in its annotation file.

    Returns:
        The dataset without the faulty rows, and a finding for each of these.

    Raises:
        InputError: It cannot be read at all, or names no class.
    """
    try:
        return read_dataset(path), ()
    except UnreadableImagesError as refused:
        return _read_what_are_images(path, refused)
    except InputError as refused:
        file = path / _FILE if path.is_dir() else path
        if file.suffix.lower() != ".json" or not file.is_file():
            raise
        content = read_bytes(file, limit=MAX_ANNOTATION_BYTES)
        document = parse_json(content, file)
        if not isinstance(document, dict):
            raise
        if not all(isinstance(document.get(name), list) for name in _LISTS):
            raise
        sieve = _sieved(document, file)
        if not sieve.kept["categories"]:
            raise
        return _read_what_is_left(sieve, file, sha256_of(content), refused)


def _read_what_are_images(
    path: Path, refused: UnreadableImagesError
) -> tuple[Dataset, tuple[Finding, ...]]:
    """Reads a dataset without the files that are no images."""
    try:
        dataset = read_dataset(path, without=frozenset(refused.paths))
    except InputError:  # nothing would be left, or its format knows them otherwise
        raise refused from None
    folder = path if path.is_dir() else path.parent
    findings = [
        Finding(
            "unreadable",
            "is no image, or claims to be huge",
            (Place(bad.relative_to(folder).as_posix()),),
        )
        for bad in refused.paths
    ]
    return dataset, tuple(findings)


def _read_what_is_left(
    sieve: _Sieve, file: Path, sha256: str, refused: InputError
) -> tuple[Dataset, tuple[Finding, ...]]:
    """Reads the good rows; what the reader still refuses goes, too, unless it is too much."""
    for _ in range(_MOST_OTHER):
        try:
            dataset = dataset_of(sieve.document(), file, sha256=sha256, folders=image_folders(file))
        except InputError as error:
            place = _ROW.match(error.field or "")
            if place is None or int(place[2]) >= len(sieve.kept[place[1]]):
                raise
            number, _ = sieve.kept[place[1]].pop(int(place[2]))
            sieve.findings.append(_bad_row(f"{place[1]}[{number}]", error.problem))
        else:
            if not dataset.images:
                break
            return dataset, tuple(sieve.findings)
    raise refused


def _sieved(document: Row, file: Path) -> _Sieve:
    sieve = _Sieve()
    classes: dict[int, str] = {}
    sizes: dict[int, tuple[int, int]] = {}
    names: dict[int, str] = {}
    used: set[str] = set()
    seen: set[int] = set()
    files = _files(document["images"], file)

    def category(row: Row, where: str) -> None:
        number, name = _new(row, classes), _text(row, "name")
        if name in classes.values():
            raise _FaultError(f"{name!r:.60} is the name of two categories")
        classes[number] = name

    def image(row: Row, where: str) -> Finding | None:
        number, given = _new(row, names), _text(row, "file_name")
        name = clean_name(given)
        if name is None:
            raise _FaultError(f"{given!r:.200} leads out of the dataset")
        if name in used:
            raise _FaultError(f"{given!r:.200} is the file of two images")
        size = (_side(row, "width"), _side(row, "height"))
        if not files.has(name):
            return Finding("unreadable", "no such file in the dataset", (Place(name),))
        names[number], sizes[number] = name, size
        used.add(name)
        return None

    def annotation(row: Row, where: str) -> Finding | None:
        number = _new(row, seen)
        seen.add(number)
        of_class, of_image = _whole(row, "category_id"), _whole(row, "image_id")
        if of_class not in classes:
            raise _FaultError(f"{of_class} is no category")
        if of_image not in sizes:
            raise _FaultError(f"{of_image} is no image that can be used")
        box = _corners(row.get("bbox"))
        kind, told = _judged(box, sizes[of_image])
        about = f"{classes[of_class]} {number}"
        return Finding(kind, told, (Place(names[of_image], box),), about) if kind else None

    sieve.take("categories", document["categories"], category)
    sieve.take("images", document["images"], image)
    sieve.take("annotations", document["annotations"], annotation)
    return sieve


def _files(rows: list[Any], file: Path) -> DatasetFiles:
    """The folder in which the first of the images lies that is in any."""
    candidates = [DatasetFiles(folder) for folder in image_folders(file)]
    given = (row.get("file_name") for row in rows[:1_000] if isinstance(row, dict))
    for name in (clean_name(text) for text in given if isinstance(text, str)):
        for files in candidates:
            if name is not None and files.has(name):
                return files
    return candidates[0]


def _judged(box: Box, size: tuple[int, int]) -> tuple[str, str]:
    """Returns what is wrong with a box: kind and words, or nothing."""
    left, top, right, bottom = box
    shown = ", ".join(f"{side:g}" for side in (left, top, right - left, bottom - top))
    if right <= left or bottom <= top:
        return "box-degenerate", f"[{shown}] has no area"
    overshoot = max(-left, -top, right - size[0], bottom - size[1])
    is_beyond = left >= size[0] or top >= size[1] or right <= 0 or bottom <= 0
    if overshoot >= TOLERATED_OVERSHOOT_PX or is_beyond:
        return "box-outside", f"[{shown}] leaves its image of {size[0]}x{size[1]} pixels"
    return "", ""


def _bad_row(where: str, fault: str) -> Finding:
    return Finding("bad-row", f"{where}: {fault}", about=f"{where}: {fault}")


def _new(row: Row, known: dict[int, str] | set[int]) -> int:
    number = _whole(row, "id")
    if number in known:
        raise _FaultError(f"id {number} is there twice")
    return number


def _whole(row: Row, name: str) -> int:
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _FaultError(f"{name} is {value!r:.60}, no whole number")
    return value


def _side(row: Row, name: str) -> int:
    value = _whole(row, name)
    if not 0 < value <= MAX_SIDE_PX:
        raise _FaultError(f"{name} is {value}")
    return value


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise _FaultError(f"{name} is {value!r:.60}, no text")
    return value


def _corners(value: object) -> Box:
    sides = value if isinstance(value, list) else []
    if len(sides) != 4 or not all(map(_is_number, sides)):
        raise _FaultError(f"bbox is {value!r:.60}, not [x, y, width, height]")
    x, y, width, height = map(float, sides)
    return (x, y, x + width, y + height)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
