"""Opens a dataset in whatever format it comes; each format has its reader.

What a file or folder is, is told from its name, its first bytes, or what lies in it; the first row
of the table that knows it wins. What stands in it is left to the readers.
"""

import codecs
import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from beltmark.contract.errors import InputError
from beltmark.datasets.coco import read_coco
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.files import DatasetFiles, is_image
from beltmark.datasets.folders import read_folders
from beltmark.datasets.label_studio.reading import read_label_studio
from beltmark.datasets.lists import CLASSES_FILE, read_lists
from beltmark.datasets.snapshots.opening import is_snapshot, open_snapshot
from beltmark.datasets.voc import read_voc
from beltmark.datasets.yolo import read_yolo

_YAML: Final = (".yaml", ".yml")
_COCO_NAMES: Final = ("annotations.json", "_annotations.coco.json", "dataset.json")
_COCO_KEYS: Final = (b'"images"', b'"annotations"', b'"categories"', b'"annotation_id"')
_YOLO_NAMES: Final = ("data.yaml", "dataset.yaml", "data.yml", "dataset.yml")
_ANNOTATIONS: Final = (".json", ".jsonl", ".csv", ".xml", ".yaml", ".yml")
_LOOKED_AT = 200
"""How many files are looked at to tell what a folder is."""


@dataclass(frozen=True)
class Format:
    """A format that can be read.

    Attributes:
        name: By which it can be asked for.
        told_by: What it is known by, for people.
        find: Returns what its reader takes, if a path is of this format.
        read: Its reader.
        reads_folders: It takes a folder as such, not only a file in it.
    """

    name: str
    told_by: str
    find: Callable[[Path], Path | None]
    read: Callable[[Path], Dataset]
    reads_folders: bool = False


def read_dataset(
    path: Path,
    format: str | None = None,
    *,
    class_column: str | None = None,
    without: Collection[Path] = (),
) -> Dataset:
    """Reads the dataset at a path; what it is is told from the file or folder itself.

    Args:
        path: A file, a folder, or a snapshot as `STORE@NAME`.
        format: One of `FORMATS`, where the path doesn't tell, or tells another.
        class_column: Of CSV lists: the column of the classes, such as `coarse_class`.
        without: Images that are left out, of formats that have only the files tell their sizes.

    Raises:
        InputError: Nothing is there, no reader knows it, or it would mislead training.
    """
    if format is None and is_snapshot(path):
        return open_snapshot(path)
    if not path.exists():
        raise InputError("no such file or folder", "check the path", file=path)
    chosen, found = _choose(path, format)
    if without:
        if chosen.name not in _READ_WITHOUT:
            raise InputError(f"is {chosen.name}: no image can be left out", "mend it", file=path)
        return _READ_WITHOUT[chosen.name](found, without)
    if class_column is None:
        return chosen.read(found)
    if chosen.name != "csv":
        raise InputError(
            f"is {chosen.name}: only CSV lists have columns", "leave the column out", file=path
        )
    return read_lists(found, class_column)


def _choose(path: Path, name: str | None) -> tuple[Format, Path]:
    for each in FORMATS:
        if name is None or each.name == name:
            found = each.find(path)
            if found is None and name is not None:
                if path.is_dir() and not each.reads_folders:
                    raise InputError(
                        f"has no {name} dataset in it", f"looked for {each.told_by}", file=path
                    )
                found = path  # its reader tells what is wrong with it
            if found is not None:
                return each, found
    if name is not None:
        names = ", ".join(each.name for each in FORMATS)
        raise InputError(f"{name!r:.60} is no format (known: {names})", "name one of them")
    what = "folder" if path.is_dir() else "file"
    raise InputError(
        f"this {what} is no dataset that is known",
        "looked for " + "; ".join(each.told_by for each in FORMATS),
        file=path,
    )


def _is_in(path: Path, name: str) -> Path | None:
    return path / name if (path / name).is_file() else None


def _find_json(path: Path, first: bytes) -> Path | None:
    """Returns a JSON file that begins as the format does, given itself or its folder.

    In a folder, one of a name that tells nothing must also have a word of the formats in it.
    """
    keys: tuple[bytes, ...] = ()
    if path.is_dir():
        names = DatasetFiles(path).files()
        given = [name for name in _COCO_NAMES if name in names]
        others = [name for name in names if name.lower().endswith(".json")]
        if not others and (inner := _instances(path)) is not None:
            others = [inner]
        if not given and len(others) != 1:
            return None
        path = path / (given or others)[0]
        keys = () if given else _COCO_KEYS
    elif path.suffix.lower() != ".json":
        return None
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError:
        return None  # its reader says so if it was asked for by name
    if not start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(first):
        return None
    return path if not keys or any(key in start for key in keys) else None


def _instances(folder: Path) -> str | None:
    """Returns the file of boxes below a folder as COCO itself and CVAT lay it out, if it is one."""
    names = [n for n in DatasetFiles(folder).files("annotations") if n.startswith("instances")]
    return f"annotations/{names[0]}" if len(names) == 1 else None


def _find_yolo(path: Path) -> Path | None:
    if path.is_dir():
        return next((found for name in _YOLO_NAMES if (found := _is_in(path, name))), None)
    return path if path.suffix.lower() in _YAML else None


def _find_voc(path: Path) -> Path | None:
    if not path.is_dir():
        return None
    files = DatasetFiles(path)
    folders = ["", *files.folders()]
    if "Annotations" in folders:
        return path
    for folder in folders:
        looked_at = files.files(folder)[:_LOOKED_AT]
        if any(name.lower().endswith(".xml") for name in looked_at):
            return path
    return None


def _find_lists(path: Path) -> Path | None:
    if path.is_dir():
        names = DatasetFiles(path).files()
        lists = [n for n in names if n.lower().endswith(".csv") and n != CLASSES_FILE]
        return path if lists else None
    return path if path.suffix.lower() in (".csv", ".tsv") else None


def _find_folders(path: Path) -> Path | None:
    """Returns a folder that has images in its folders, and no annotations that tell otherwise."""
    if not path.is_dir():
        return None
    has_images = False
    for name in DatasetFiles(path).below():
        if name.lower().endswith(_ANNOTATIONS):
            return None
        has_images = has_images or ("/" in name and is_image(name))
    return path if has_images else None


FORMATS: Final = (
    Format(
        "coco",
        "a COCO file (.json that begins with {, or a folder with annotations.json)",
        functools.partial(_find_json, first=b"{"),
        read_coco,
    ),
    Format(
        "label_studio",
        "an export of Label Studio (.json that begins with [)",
        functools.partial(_find_json, first=b"["),
        read_label_studio,
    ),
    Format("yolo", "YOLO's data.yaml", _find_yolo, read_yolo),
    Format(
        "voc", "Pascal VOC (a folder with .xml files or Annotations)", _find_voc, read_voc, True
    ),
    Format(
        "csv", "a list (.csv with a header, or a folder of them)", _find_lists, read_lists, True
    ),
    Format(
        "folders",
        "class folders with images and without other annotations",
        _find_folders,
        read_folders,
        True,
    ),
)

_READ_WITHOUT: Final[Mapping[str, Callable[[Path, Collection[Path]], Dataset]]] = {
    "csv": lambda path, without: read_lists(path, without=without),
    "folders": read_folders,
    "yolo": read_yolo,
}
