"""Joins the rows of two sides, and finds where they contradict each other. Pure.

Both sides may know an image: then they must say the same of it, and the row keeps the origins of
both. So joining is commutative and associative, and what is there already changes nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from beltmark.datasets.snapshots.rows import (
    Lines,
    Parts,
    Row,
    line_of,
    parts_of,
    read_row,
    twice,
)

Side = Literal["first", "second"]


@dataclass(frozen=True)
class Conflict:
    """An image of which two sides say different things: its digest, and the rows of both."""

    image: str
    first: tuple[Row, ...]
    second: tuple[Row, ...]


@dataclass(frozen=True)
class United:
    """What came of joining two sides.

    Attributes:
        lines: The rows of both; of images in conflict, those of the preferred side, or none.
        conflicts: Of which images they say different things.
        new: How many images only the second side has.
    """

    lines: Lines
    conflicts: tuple[Conflict, ...]
    new: int


def unite(first: Lines, second: Lines, prefer: Side | None, file: Path) -> United:
    """Joins the rows of two sides.

    Args:
        first: One side.
        second: The other.
        prefer: Whose word counts where they contradict each other; None: nobody's.
        file: What to name where a row cannot be read.
    """
    lines = dict(first)
    conflicts = []
    for image, theirs in second.items():
        ours = first.get(image)
        if ours is None or ours == theirs:
            lines[image] = theirs
            continue
        rows, others = _parts(ours), _parts(theirs)
        if _says(rows) == _says(others):
            lines[image] = _joined(rows, others)
            continue
        conflicts.append(Conflict(image, _read(ours, file), _read(theirs, file)))
        if prefer is None:
            del lines[image]
        elif prefer == "second":
            lines[image] = theirs
    new = sum(image not in first for image in second)
    return United(lines, tuple(conflicts), new)


def without(lines: Lines, images: Iterable[str]) -> Lines:
    """Returns the rows of all but these images."""
    left_out = set(images)
    if left_out.isdisjoint(lines):
        return lines
    return {image: group for image, group in lines.items() if image not in left_out}


def renamed(lines: Lines, class_of: Mapping[str, str], file: Path) -> Lines:
    """Returns the rows with their classes called anew; classes may become one."""
    found: dict[str, tuple[bytes, ...]] = {}
    for image, group in lines.items():
        parts: dict[bytes, Parts] = {}
        for row in _read(group, file):
            new = parts_of(line_of(_renamed(row, class_of)))
            same = parts.get(new.content)  # two rows may say the same by now
            parts[new.content] = new if same is None else twice(same, new)
        found[image] = tuple(sorted(each.line for each in parts.values()))
    return found


def keep_told(ours: Lines, told: Lines, same_place: frozenset[str]) -> Lines:
    """Returns `ours`, but rows of images that their source told before, unchanged, as they stand.

    So a source that grew adds its new images alone, whatever licence or retention it comes with
    this time.

    Args:
        ours: Rows of the source as it is now.
        told: Rows of the snapshot that it is added to.
        same_place: Ids of the sources of that snapshot that are the same place.
    """
    if not same_place:
        return ours
    kept = dict(ours)
    for image, group in ours.items():
        before = told.get(image)
        if before is None or before == group:
            continue
        rows, others = _parts(group), _parts(before)
        is_told = all(same_place & {source for source, _ in each.origins} for each in others)
        if is_told and _says(rows) == _says(others):
            kept[image] = before
    return kept


def _renamed(row: Row, class_of: Mapping[str, str]) -> Row:
    objects = tuple(
        each.model_copy(update={"class_name": class_of[each.class_name]}) for each in row.objects
    )
    whole = None if row.class_name is None else class_of[row.class_name]
    return row.model_copy(update={"objects": objects, "class_name": whole})


def _read(lines: Iterable[bytes], file: Path) -> tuple[Row, ...]:
    return tuple(read_row(line, file) for line in lines)


def _parts(lines: Iterable[bytes]) -> list[Parts]:
    return [parts_of(line) for line in lines]


def _says(rows: Iterable[Parts]) -> dict[bytes, int]:
    return {row.content: row.times for row in rows}


def _joined(rows: Iterable[Parts], others: Iterable[Parts]) -> tuple[bytes, ...]:
    """Returns rows that say the same, with the origins of both."""
    origins = {row.content: row.origins for row in others}
    joined = (row._replace(origins=row.origins | origins[row.content]) for row in rows)
    return tuple(sorted(row.line for row in joined))
