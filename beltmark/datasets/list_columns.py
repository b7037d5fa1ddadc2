"""What the columns of a CSV list mean, and what each line says by them.

What the lines of an image together say is left to `lists`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from beltmark.contract.errors import InputError
from beltmark.datasets.coco import MAX_ATTRIBUTE_LENGTH
from beltmark.datasets.dataset import Box
from beltmark.datasets.sizes import MAX_SIDE_PX, Size
from beltmark.datasets.table import Table
from beltmark.datasets.text import number, whole_number

_FILE: Final = ("file", "file_name", "filename", "image", "image_path", "path")
_CLASS: Final = ("class", "class_name", "label", "category")
_CORNERS: Final = ("xmin", "ymin", "xmax", "ymax")
_SIDES: Final = (("x", "y", "w", "h"), ("x", "y", "width", "height"))


@dataclass(frozen=True)
class ClassColumn:
    """Where a list says of which class something is: by name, by id, or both.

    Attributes:
        name: Column of the names.
        id: Column of the ids.
    """

    name: str | None
    id: str | None


@dataclass(frozen=True)
class Line:
    """A line of a list.

    Attributes:
        where: Such as `line 12`.
        file: The image's name, as it is given.
        class_key: The class's name, or its id where no name is given; empty for none.
        box: Corners in pixels, if there is a box.
        size: The image's, where it is told.
        told: The other columns that aren't empty.
    """

    where: str
    file: str
    class_key: str
    box: Box | None
    size: Size | None
    told: Mapping[str, str]


def file_column(table: Table) -> str | None:
    """Returns the column that names the images, if there is one."""
    return next((name for name in _FILE if name in table.columns), None)


def class_column(table: Table, wanted: str | None) -> ClassColumn | None:
    """Returns the columns of the classes, if there are any.

    Args:
        table: A list, or a table of classes.
        wanted: The column that was asked for, such as `coarse_class`; None for the usual ones.
    """
    for name in _CLASS if wanted is None else (wanted.lower().removesuffix("_id"),):
        found = name if name in table.columns else None
        ids = [f"{name}_id", f"{name.removesuffix('_name')}_id"]
        found_id = next((each for each in ids if each in table.columns), None)
        if found or found_id:
            return ClassColumn(found, found_id)
    return None


def lines_of(table: Table, file: str, classes: ClassColumn) -> Iterator[Line]:
    """Returns what the lines say.

    Raises:
        InputError: Names the line, the column and the mend.
    """
    sides = next((each for each in _SIDES if all(name in table.columns for name in each)), ())
    corners = _CORNERS if all(name in table.columns for name in _CORNERS) else ()
    box_columns = corners or sides
    size_columns = ("width", "height") if not sides or corners else ()
    known = {file, classes.name, classes.id, *box_columns, *size_columns}
    others = {name: place for name, place in table.columns.items() if name not in known}
    for line, values in table.rows:
        row = {name: values[place] for name, place in table.columns.items()}
        where = f"line {line}"
        if not row[file]:
            raise InputError("names no image", "name it", file=table.path, field=where)
        told = {name: values[place] for name, place in others.items() if values[place]}
        if any(len(value) > MAX_ATTRIBUTE_LENGTH for value in told.values()):
            raise InputError(
                f"has a value of more than {MAX_ATTRIBUTE_LENGTH} characters",
                "is this the right file?",
                file=table.path,
                field=where,
            )
        box = _box(row, box_columns, table.path, where)
        if box is not None and not corners:
            box = (box[0], box[1], box[0] + box[2], box[1] + box[3])
        class_key = row[classes.name] if classes.name else row[classes.id or ""]
        if box is not None and not class_key:
            raise InputError("has a box, but no class", "name it", file=table.path, field=where)
        size = _size(row, size_columns, table.path, where)
        yield Line(where, row[file], class_key, box, size, told)


def _box(row: Mapping[str, str], columns: tuple[str, ...], path: Path, where: str) -> Box | None:
    if not any(row[name] for name in columns):
        return None
    numbers = []
    for name in columns:
        value = number(row[name])
        if value is None:
            told = f"{row[name]!r:.60} is no number" if row[name] else "is empty"
            raise InputError(
                told, "give pixels, with a decimal point", file=path, field=f"{where}, {name}"
            )
        numbers.append(value)
    first, second, third, fourth = numbers
    return (first, second, third, fourth)


def _size(row: Mapping[str, str], columns: tuple[str, ...], path: Path, where: str) -> Size | None:
    sides = []
    for name in columns:
        if not row.get(name):
            return None
        value = whole_number(row[name])
        if value is None or not 0 < value <= MAX_SIDE_PX:
            raise InputError(
                f"{row[name]!r:.60} is no side of an image",
                f"give 1 to {MAX_SIDE_PX} pixels",
                file=path,
                field=f"{where}, {name}",
            )
        sides.append(value)
    return (sides[0], sides[1]) if sides else None
