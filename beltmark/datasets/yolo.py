"""Reads YOLO's format: `data.yaml`, images, and beside `images/` a folder `labels/` of text files.

`train`, `val` and `test` of the YAML file each name a folder, a list of images (`.txt`), or several
of them; an image's part is its attribute `split`, and a path that is named for two parts is taken
for the first (small examples validate on what they train on). The rules of the trainers that made
the format hold: the last `images` in a path becomes `labels`, and without one the text file lies
beside its image; an image without text file is empty. Paths stay within the YAML file's folder: a
`path` of another machine is passed over, and so is the `../` that some exports put before each
part. A text file without image is refused. What stands in a text file is read in `yolo_labels`.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from beltmark.datasets.checking import check_class_names
from beltmark.datasets.dataset import Dataset, LabelledImage, LabelledObject
from beltmark.datasets.files import DatasetFiles, clean_name, is_image
from beltmark.datasets.parts import SPLIT, part_of
from beltmark.datasets.sizes import image_sizes
from beltmark.datasets.text import decode_text
from beltmark.datasets.yolo_labels import LabelPlan, parse_labels

_PARTS: Final = ("train", "val", "valid", "test")
_MAX_YAML_BYTES = 1024 * 1024
_MAX_DEPTH = 8
_MAX_LABEL_BYTES = 16 * 1024 * 1024
_MAX_LIST_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True)
class _Source:
    """What the YAML file says.

    Attributes:
        path: The file.
        class_names: In the order of their ids.
        class_index: By id.
        parts: Each path that is named, and for which part.
        has_keypoints: Boxes are followed by points of a body.
        prefix: The dataset's folder below the file's, with a `/` at its end; empty if it is that.
    """

    path: Path
    class_names: tuple[str, ...]
    class_index: Mapping[int, int]
    parts: Mapping[str, str]
    has_keypoints: bool
    prefix: str


def read_yolo(path: Path, without: Collection[Path] = ()) -> Dataset:
    """Reads a dataset; of its images only the first bytes, which tell their size.

    Args:
        path: The YAML file.
        without: Images that are left out.

    Raises:
        InputError: Names file, field or line, and mend.
    """
    files = DatasetFiles(path.parent)
    content = read_bytes(path, limit=_MAX_YAML_BYTES)
    digest = hashlib.sha256(content)
    source = _source(_load(content, path), path, files)
    part_by_image: dict[str, str] = {}
    for told, key in source.parts.items():
        part = part_of(key) or key
        for name in _images(told, key, source, files):
            if name in part_by_image:
                raise InputError(
                    f"{name!r:.200} is named twice, for {part_by_image[name]} and for {part}",
                    "an image can serve one part, once",
                    file=path,
                    field=key,
                )
            part_by_image[name] = part
    _check_orphans(part_by_image, files)
    names = [name for name in part_by_image if files.root / name not in without]
    sizes = image_sizes([files.root / name for name in names])
    plan = LabelPlan(source.class_index, source.class_names, source.has_keypoints)
    labelled, clipped, unlabelled = [], 0, 0
    for name, size in zip(names, sizes, strict=True):
        label = label_name(name)
        digest.update(f"{name} {part_by_image[name]}\n".encode(errors="surrogateescape"))
        objects: tuple[LabelledObject, ...] = ()
        cut = 0
        if files.has(label):
            text = read_bytes(files.root / label, limit=_MAX_LABEL_BYTES)
            digest.update(text)
            objects, cut = parse_labels(
                decode_text(text, files.root / label), files.root / label, size, plan
            )
        else:
            unlabelled += 1
        clipped += cut
        attributes = {SPLIT: part_by_image[name]}
        labelled.append(
            LabelledImage(files.root / name, *size, name, name, (), objects, None, attributes)
        )
    notes = (f"{unlabelled} images have no text file: taken as empty",) if unlabelled else ()
    return Dataset(
        path, digest.hexdigest(), source.class_names, tuple(labelled), clipped, "yolo", notes
    )


def label_name(image: str) -> str:
    """Returns the name of an image's text file."""
    folder, _, base = image.rpartition("/")
    parts = folder.split("/")
    for index in range(len(parts) - 1, -1, -1):
        if parts[index] == "images":
            parts[index] = "labels"
            break
    stem = base.rpartition(".")[0]
    return "/".join([*parts, f"{stem}.txt"]) if folder else f"{stem}.txt"


def _load(content: bytes, path: Path) -> Mapping[str, Any]:
    """Reads YAML of plain values; what could grow from a few bytes is refused.

    That is aliases, and lists in lists: the parser takes time with the square of their depth.
    """
    import yaml  # noqa: PLC0415 - no other format needs it

    text = decode_text(content, path)
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > _MAX_DEPTH:
                told = "is too deep" if depth > _MAX_DEPTH else "has an alias (*) in it"
                raise InputError(told, "write plain values", file=path, field=_line(event))
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        field = _line(error) if error.problem_mark else None
        raise InputError(
            f"not valid YAML: {error.problem}", "correct the syntax", file=path, field=field
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        told = str(error).splitlines()[0]
        raise InputError(f"not valid YAML: {told}", "correct it", file=path) from None
    if not isinstance(document, dict):
        raise InputError("no data.yaml of YOLO", "it needs names, train and val", file=path)
    return document


def _line(at: Any) -> str:
    mark = at.start_mark if hasattr(at, "start_mark") else at.problem_mark
    return f"line {mark.line + 1}"


def _source(document: Mapping[str, Any], path: Path, files: DatasetFiles) -> _Source:
    names = _names(document, path)
    ids = sorted(names)
    parts: dict[str, str] = {}  # what is named for two parts is taken for the first
    for key in _PARTS:
        for told in _told(document.get(key), key, path):
            parts.setdefault(told, key)
    if not parts:
        raise InputError("missing", "name a folder of images", file=path, field="train")
    folder = clean_name(str(document.get("path") or "."))
    prefix = f"{folder}/" if folder and (path.parent / folder).is_dir() else ""
    return _Source(
        path,
        tuple(names[class_id] for class_id in ids),
        {class_id: k for k, class_id in enumerate(ids)},
        parts,
        document.get("kpt_shape") is not None,
        prefix,
    )


def _names(document: Mapping[str, Any], path: Path) -> dict[int, str]:
    """Returns the classes by their ids: `names` is a list, or a table of ids."""
    given = document.get("names")
    if isinstance(given, list):
        given = dict(enumerate(given))
    if not isinstance(given, dict) or not given:
        raise InputError("missing, or no list", "name the classes", file=path, field="names")
    for key, name in given.items():
        if isinstance(key, bool) or not isinstance(key, int) or not 0 <= key < 1_000_000:
            raise InputError(
                f"{key!r:.60} is no id of a class", "number them from 0", file=path, field="names"
            )
        if isinstance(name, bool) or not isinstance(name, str | int | float):
            told = "true or false" if isinstance(name, bool) else "no text"
            raise InputError(
                f"YAML reads this name as {told}",
                "put it in quotes",
                file=path,
                field=f"names[{key}]",
            )
    names = {key: str(name) for key, name in given.items()}
    check_class_names([(name, f"names[{key}]") for key, name in names.items()], path, "names")
    count = document.get("nc")
    if count is not None and count != len(names):
        raise InputError(
            f"{count!r:.20} classes, but {len(names)} names",
            "correct one of them",
            file=path,
            field="nc",
        )
    return names


def _told(given: object, key: str, path: Path) -> list[str]:
    """Returns what a part is made of: nothing, a path, or several."""
    values = given if isinstance(given, list) else [] if given in (None, "") else [given]
    paths = [value for value in values if isinstance(value, str)]
    if len(paths) < len(values):
        raise InputError("is no path", "give a path, or a list of them", file=path, field=key)
    return paths


def _images(told: str, key: str, source: _Source, files: DatasetFiles) -> Iterator[str]:
    """Returns the images of a folder, or of a list."""
    given = told.replace("\\", "/")
    while given.startswith("../"):
        given = given[3:]
    name = clean_name(given) if given not in (".", "./") else ""
    if name is None:
        raise InputError(
            f"{told!r:.200} leads out of the dataset",
            "put data.yaml into the dataset's folder, and name paths below it",
            file=source.path,
            field=key,
        )
    if name.endswith(".txt") and files.has(source.prefix + name):
        yield from _listed(source.prefix + name, source, files)
        return
    folder = (source.prefix + name).rstrip("/")
    found = False
    for image in files.below(folder):
        if is_image(image):
            found = True
            yield image
    if not found:
        raise InputError(
            f"no image is in {files.root / folder!s:.300}",
            "correct the path, or remove this part",
            file=source.path,
            field=key,
        )


def _listed(name: str, source: _Source, files: DatasetFiles) -> Iterator[str]:
    """Returns the images of a list, relative to the dataset's folder or to the list's."""
    path = files.root / name
    above = f"{name.rpartition('/')[0]}/" if "/" in name else ""
    text = decode_text(read_bytes(path, limit=_MAX_LIST_BYTES), path)
    for line, given in enumerate(text.splitlines(), 1):
        if not given.strip():
            continue
        image = clean_name(given.strip())
        places = () if image is None else (source.prefix + image, above + image, image)
        found = next((place for place in places if files.has(place)), None)
        if found is None:
            files.path_of(given.strip(), path, f"line {line}")  # tells why
        else:
            yield found


def _check_orphans(images: Mapping[str, str], files: DatasetFiles) -> None:
    """Makes sure that each text file in the folders of labels has its image."""
    folders = {label_name(name).rpartition("/")[0]: name.rpartition("/")[0] for name in images}
    for labels, folder in folders.items():
        if labels == folder:
            continue  # other text files may lie among images
        stems = {name.rpartition("/")[2].rpartition(".")[0] for name in files.images(folder)}
        for name in files.files(labels):
            stem, _, ending = name.rpartition(".")
            if ending == "txt" and stem not in stems:
                raise InputError(
                    f"has no image in {files.root / folder}",
                    "copy the image there, or remove this file",
                    file=files.root / labels / name,
                )
