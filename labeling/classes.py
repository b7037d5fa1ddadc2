"""The classes that people may choose from, and which names can be labels at all.

Read from what a project has at hand: a catalogue, a COCO dataset, or a list. What they look like in
Label Studio is left to `config`.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from beltmark.contract.catalogue import read_catalogue
from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.words import UNSURE, Category, check_distinct, numbered

MAX_CLASSES: Final = 1_000
MAX_NAME_LENGTH: Final = 200
_MAX_COCO_BYTES = 1024 * 1024 * 1024


def read_classes(path: Path) -> list[Category]:
    """Reads classes: `.csv` is a catalogue, `.json` a COCO dataset, else one name a line.

    Raises:
        InputError: Unreadable, no class in it, or a name that can't be a label.
    """
    match path.suffix.lower():
        case ".csv":
            products = read_catalogue(path).products
            rows = numbered(product.class_name for product in products)
        case ".json":
            rows = _categories(path)
        case _:
            rows = numbered(_lines(path))
    check_labels((row["name"] for row in rows), path)
    return rows


def check_labels(names: Iterable[str], path: Path) -> None:
    """Makes sure that each name can be a label in Label Studio, and comes back as it went.

    Raises:
        InputError: Names the one that can't.
    """
    count = 0
    for name in names:
        problem = _problem_of(name)
        if problem is not None:
            raise InputError(f"the class {name!r:.80} {problem}", "rename it", file=path)
        count += 1
    if not count:
        raise InputError("names no class", "give at least one", file=path)
    if count > MAX_CLASSES:
        raise InputError(
            f"names {count} classes, more than {MAX_CLASSES}", "is this the right file?", file=path
        )


def _problem_of(name: str) -> str | None:
    """Returns why a name can't be a label."""
    if name == UNSURE:
        return "has the name of the label for regions in which nothing is judged"
    if not name.isprintable() or name != name.strip() or not name:
        return "is not printable text without spaces around it"
    if "$" in name:
        return "has a $ in it, after which Label Studio reads the name of a variable"
    if len(name) > MAX_NAME_LENGTH:
        return f"is longer than {MAX_NAME_LENGTH} characters"
    return None


def _lines(path: Path) -> list[str]:
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8: {error.reason}", "save it as UTF-8", file=path) from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _categories(path: Path) -> list[Category]:
    try:
        document = json.loads(read_bytes(path, limit=_MAX_COCO_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(f"not valid JSON: {error}", "export it anew", file=path) from None
    given = document.get("categories") if isinstance(document, Mapping) else None
    if not isinstance(given, list) or not all(map(is_category, given)):
        raise InputError(
            "no list of ids and names", "give a COCO dataset", file=path, field="categories"
        )
    check_distinct(given, path)
    return given


def is_category(row: object) -> bool:
    """Whether this is a row of `categories`."""
    return (
        isinstance(row, dict)
        and isinstance(row.get("name"), str)
        and isinstance(row.get("id"), int)
        and not isinstance(row["id"], bool)
    )
