"""Reads CSV lists: a line an image, or a line a box, with a header that names the columns.

What the columns are called:

* the image: `file`, `file_name`, `filename`, `image`, `image_path` or `path`; it lies below the
  list's folder;
* the class: `class`, `class_name`, `label` or `category`, or by its id: `class_id` and so on.
  Another column of classes, such as `coarse_class` or `coarse_class_id`, is chosen by name.
  `classes.csv` beside the list gives ids their names, if it is there;
* the box, if any: `xmin`, `ymin`, `xmax`, `ymax` (`width` and `height` beside them are the
  image's), or `x`, `y`, `w`, `h`, or `x`, `y`, `width`, `height`; in pixels, counted from 0;
* `scene`, `sequence` and any other column: attributes of the image, if all its lines agree.

A class without box is that of the whole image; a line with neither is an image with nothing on it.
A folder of lists is one dataset; `train.csv`, `val.csv` and `test.csv` tell each image's part.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from beltmark.contract.errors import InputError
from beltmark.datasets.checking import check_class_names, checked_box
from beltmark.datasets.coco import ATTRIBUTES
from beltmark.datasets.dataset import Box, Dataset, LabelledImage, LabelledObject
from beltmark.datasets.files import DatasetFiles, clean_name
from beltmark.datasets.list_columns import ClassColumn, Line, class_column, file_column, lines_of
from beltmark.datasets.parts import SPLIT, part_of
from beltmark.datasets.sizes import Size, image_sizes
from beltmark.datasets.table import Table, read_table
from beltmark.datasets.text import whole_number

CLASSES_FILE: Final = "classes.csv"
_SCENE, _SEQUENCE = "scene", "sequence"
_MUST_AGREE: Final = frozenset({*ATTRIBUTES, _SCENE, _SEQUENCE})
"""What splits go by: an image can't be of two."""


@dataclass
class _Gathered:
    """What the lines of one image say so far.

    Attributes:
        source: The list that names it first.
        first: The first of the lines.
        class_name: Of the whole image.
        boxes: Each with its class and its line.
        told: The other columns; None where lines don't agree.
    """

    source: Path
    first: Line
    class_name: str | None = None
    boxes: list[tuple[str, Box, str]] = field(default_factory=list)
    told: dict[str, str | None] = field(default_factory=dict)


def read_lists(path: Path, wanted: str | None = None, without: Collection[Path] = ()) -> Dataset:
    """Reads a list, or all lists of a folder; of images only the first bytes, for their size.

    Args:
        path: The CSV file, or a folder of them.
        wanted: The column of the classes, such as `coarse_class`; None for the usual ones.
        without: Images that are left out.

    Raises:
        InputError: Names file, line, column and mend.
    """
    folder = path if path.is_dir() else path.parent
    files = DatasetFiles(folder)
    tables = [read_table(each) for each in _lists(path, files)]
    classes = read_table(folder / CLASSES_FILE) if files.has(CLASSES_FILE) else None
    columns = [_columns_of(table, wanted) for table in tables]
    known = _class_table(classes, wanted) if classes is not None else {}
    names: dict[str, str] = dict(known)
    gathered: dict[str, _Gathered] = {}
    for table, (file, class_of) in zip(tables, columns, strict=True):
        part = part_of(table.path.stem)
        for line in lines_of(table, file, class_of):
            class_name = _class_name(line, class_of, names, bool(known), table)
            name = clean_name(line.file) or ""
            if name not in gathered:
                files.path_of(line.file, table.path, line.where)
                gathered[name] = _Gathered(table.path, line)
            _add(gathered[name], line, class_name, part, table)
    class_names = _ordered(names)
    check_class_names([(name, "classes") for name in class_names], path)
    digest = hashlib.sha256(f"{wanted}\n".encode())
    for table in (*tables, *([classes] if classes else [])):
        digest.update(table.sha256.encode())
    left = {name: each for name, each in gathered.items() if files.root / name not in without}
    return _dataset(path, files, left, class_names, digest.hexdigest())


def _lists(path: Path, files: DatasetFiles) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    names = [name for name in files.files() if name.lower().endswith(".csv")]
    found = [path / name for name in names if name != CLASSES_FILE]
    if not found:
        raise InputError("has no CSV file in it", "give the list's folder", file=path)
    return found


def _columns_of(table: Table, wanted: str | None) -> tuple[str, ClassColumn]:
    file, classes = file_column(table), class_column(table, wanted)
    if file is None or classes is None:
        missing = (
            "of the images, such as `file`"
            if file is None
            else (
                f"{wanted!r:.60} or its _id" if wanted else "of the classes, `class` or `class_id`"
            )
        )
        raise InputError(
            f"has no column {missing} (it has: {', '.join(table.columns):.200})",
            "name the columns in the first line",
            file=table.path,
            field="line 1",
        )
    return file, classes


def _class_table(table: Table, wanted: str | None) -> dict[str, str]:
    """Returns the names of the classes by their ids."""
    column = class_column(table, wanted)
    if column is None or column.name is None or column.id is None:
        told = wanted or "class"
        raise InputError(
            f"needs the columns {told} and {told}_id",
            "add them, or rename the file",
            file=table.path,
            field="line 1",
        )
    names: dict[str, str] = {}
    for line, values in table.rows:
        key, name = values[table.columns[column.id]], values[table.columns[column.name]]
        if names.setdefault(key, name) != name:
            raise InputError(
                f"{name!r:.60} has the id of {names[key]!r:.60}",
                "give each class its own id",
                file=table.path,
                field=f"line {line}",
            )
    return names


def _class_name(
    line: Line, column: ClassColumn, names: dict[str, str], is_fixed: bool, table: Table
) -> str | None:
    """Returns the name of a line's class; a class that no table fixed is noted in `names`."""
    key = line.class_key
    if not key:
        return None
    if column.name is None and key in names:
        return names[key]
    if is_fixed and (column.name is None or key not in names.values()):
        raise InputError(
            f"{key!r:.60} is no class of {CLASSES_FILE}",
            "add it there, or correct it",
            file=table.path,
            field=line.where,
        )
    if not is_fixed:
        names[key] = key
    return key


def _add(
    each: _Gathered, line: Line, class_name: str | None, part: str | None, table: Table
) -> None:
    told = {**line.told}
    if SPLIT in told or part is not None:
        given = told.get(SPLIT) or part or ""
        told[SPLIT] = part_of(given) or given
    if line.box is not None and class_name is not None:
        each.boxes.append((class_name, line.box, line.where))
    elif class_name is not None:
        if each.class_name is not None:
            same = "the same class" if each.class_name == class_name else repr(each.class_name)
            raise InputError(
                f"the image has a class already ({same}, {each.first.where})",
                "keep one of the lines",
                file=table.path,
                field=line.where,
            )
        each.class_name = class_name
    if each.first is line:
        each.told = dict(told)
        return
    for name in each.told.keys() | told.keys():
        if each.told.get(name) == told.get(name):
            continue
        if name in _MUST_AGREE or each.source != table.path:
            raise InputError(
                f"{told.get(name, '')!r:.60}, but {each.told.get(name)!r:.60} in "
                f"{each.source.name}, {each.first.where}, for the same image",
                "an image is of one",
                file=table.path,
                field=f"{line.where}, {name}",
            )
        each.told[name] = None


def _ordered(names: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the classes in the order of their ids where these are numbers, else sorted."""
    ids = {key: whole_number(key) for key in names}
    if all(value is not None for value in ids.values()):
        keys = sorted(names, key=lambda key: ids[key] or 0)
    else:
        keys = sorted(names)
    return tuple(dict.fromkeys(names[key] for key in keys))


def _dataset(
    path: Path,
    files: DatasetFiles,
    gathered: Mapping[str, _Gathered],
    class_names: tuple[str, ...],
    sha256: str,
) -> Dataset:
    unknown = [name for name, each in gathered.items() if each.first.size is None]
    sizes: dict[str, Size] = dict(
        zip(unknown, image_sizes([files.root / name for name in unknown]), strict=True)
    )
    class_index = {name: k for k, name in enumerate(class_names)}
    images, clipped = [], 0
    for name, each in gathered.items():
        size = each.first.size or sizes[name]
        objects = []
        for class_name, corners, where in each.boxes:
            box, was_clipped = checked_box(corners, size, each.source, where)
            clipped += was_clipped
            objects.append(LabelledObject(class_index[class_name], box))
        told = {key: value for key, value in each.told.items() if value is not None}
        scene, sequence = told.pop(_SCENE, None), told.pop(_SEQUENCE, None)
        images.append(
            LabelledImage(
                files.root / name,
                *size,
                scene or sequence or name,
                sequence or scene or name,
                (),
                tuple(objects),
                None if each.class_name is None else class_index[each.class_name],
                told,
            )
        )
    return Dataset(path, sha256, class_names, tuple(images), clipped, "csv")
