"""Reads which image is in which part: from a file, or from what the dataset itself tells."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from beltmark.datasets.checks.finding import Finding, Place
from beltmark.datasets.dataset import LabelledImage

MAX_SPLIT_BYTES: Final = 256 * 1024 * 1024
_FORM: Final = (
    'give a split file, JSON {"train": ["a.jpg", ...], "test": [...]}, or CSV with file,part'
)


def told_parts(images: Sequence[LabelledImage], names: Sequence[str]) -> dict[str, str]:
    """Returns the part of each image for which the dataset tells one, in its attribute `split`."""
    return {
        name: image.attributes["split"]
        for image, name in zip(images, names, strict=True)
        if image.attributes.get("split")
    }


def read_parts(path: Path) -> dict[str, str]:
    """Reads the part of each image, by its name.

    Raises:
        InputError: Neither of the two forms, or an image is in two parts.
    """
    content = read_bytes(path, limit=MAX_SPLIT_BYTES)
    try:
        text = content.decode("utf-8-sig")
        named = _from_csv(text) if path.suffix.lower() == ".csv" else _from_json(json.loads(text))
    except (ValueError, RecursionError, csv.Error) as error:
        raise InputError(f"cannot be read as a split: {error}", _FORM, file=path) from None
    parts: dict[str, str] = {}
    for part, name in named:
        if parts.setdefault(name, part) != part:
            raise InputError(
                f"{name!r:.200} is in {parts[name]} and in {part}", "put it into one", file=path
            )
    if not parts:
        raise InputError("names no image", _FORM, file=path)
    return parts


def strangers(parts: Mapping[str, str], names: Sequence[str]) -> tuple[Finding, ...]:
    """Finds images that are in no part, though there are parts."""
    return tuple(
        Finding("part-unknown", "in no part", (Place(name),))
        for name in names
        if parts and name not in parts
    )


def _from_json(document: object) -> list[tuple[str, str]]:
    """Part and name of each image; from lists by part, or from a split file with its groups."""
    if not isinstance(document, dict):
        raise ValueError("it is no object")
    parts = document.get("parts")
    if isinstance(parts, list):
        lists = [
            (str(part.get("name")), images)
            for part in parts
            if isinstance(part, dict) and isinstance(part.get("groups"), dict)
            for images in part["groups"].values()
        ]
    else:
        lists = list((parts if isinstance(parts, dict) else document).items())
    pairs = [(part, name) for part, given in lists if isinstance(given, list) for name in given]
    wrong = next((name for _, name in pairs if not isinstance(name, str)), None)
    if wrong is not None:
        raise ValueError(f"{wrong!r:.60} is no name of a file")
    return pairs


def _from_csv(text: str) -> list[tuple[str, str]]:
    rows = csv.DictReader(io.StringIO(text))
    columns = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
    file = columns.get("file") or columns.get("image")
    part = columns.get("part") or columns.get("split")
    if file is None or part is None:
        raise ValueError("its first line names no columns file and part")
    return [(row[part] or "", row[file] or "") for row in rows]
