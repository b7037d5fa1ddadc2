"""Datasets as rows, and rows as images: between what readers give and what a snapshot keeps. Pure.

How a row is written as a line is left to `rows`.
"""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from beltmark.contract.documents import parse
from beltmark.datasets.dataset import Box, Dataset, LabelledImage, LabelledObject
from beltmark.datasets.snapshots.rows import (
    Lines,
    Parts,
    Row,
    RowObject,
    content_of,
    grouped,
    natural_key,
    twice,
)

_DECIMALS: Final = 4
"""Of a pixel; boxes are drawn to no more than a tenth."""


def lines_of(
    dataset: Dataset,
    files: Sequence[tuple[str, int] | None],
    source: str,
    class_of: Mapping[str, str],
) -> Lines:
    """Returns the rows of a dataset that was read.

    Args:
        dataset: As its reader gave it.
        files: Digest and size of each image's file; None for images to leave out.
        source: The id of the source.
        class_of: What each of the dataset's classes is called in the snapshot.

    Raises:
        InputError: A text of it is too long; names the image.
    """
    root = dataset.path if dataset.path.is_dir() else dataset.path.parent
    names = [_name_from(root, image.path) for image in dataset.images]
    frames = _frames(dataset.images, names)
    classes = [class_of[name] for name in dataset.class_names]
    found: dict[bytes, Parts] = {}
    for image, name, file, frame in zip(dataset.images, names, files, frames, strict=True):
        if file is None:
            continue
        told = _row(image, name, file, frame, classes)
        row = parse({**told, "origins": [(source, name)]}, Row, image.path)
        parts = Parts(content_of(row), 1, frozenset(row.origins))
        same = found.get(parts.content)
        found[parts.content] = parts if same is None else twice(same, parts)
    return grouped(parts.line for parts in found.values())


def images_of(
    row: Row, path: Path, class_index: Mapping[str, int], sources: Mapping[str, str]
) -> list[LabelledImage]:
    """Returns the images that a row stands for: as many as its `times`.

    Args:
        row: The row.
        path: The image file.
        class_index: The index of each class.
        sources: What each source is called; told as attribute `source`, beside `file_name`.
    """
    objects = tuple(
        LabelledObject(
            class_index[each.class_name],
            each.box_xyxy_px,
            each.track_id,
            truncated=each.truncated,
            blurred=each.blurred,
            uncertain=each.uncertain,
        )
        for each in row.objects
    )
    whole = None if row.class_name is None else class_index[row.class_name]
    source = sources.get(row.origins[0][0], row.origins[0][0])
    return [
        LabelledImage(
            path,
            row.width_px,
            row.height_px,
            name if row.scene is None else row.scene,
            name if row.sequence is None else row.sequence,
            row.ignore_xyxy_px,
            objects,
            whole,
            {"source": source, "file_name": name, **row.attributes},
        )
        for name in row.names
    ]


def _row(
    image: LabelledImage,
    name: str,
    file: tuple[str, int],
    frame: int | None,
    classes: Sequence[str],
) -> dict[str, Any]:
    objects = [
        RowObject.model_construct(
            class_name=classes[each.class_index],
            box_xyxy_px=_rounded(each.box_xyxy_px),
            track_id=each.track_id,
            truncated=each.truncated,
            blurred=each.blurred,
            uncertain=each.uncertain,
        )
        for each in image.objects
    ]
    return {
        "image": file[0],
        "size_bytes": file[1],
        "width_px": image.width_px,
        "height_px": image.height_px,
        "scene": None if _is_own(image.scene, name) else image.scene,
        "sequence": None if _is_own(image.sequence, name) else image.sequence,
        "frame": frame,
        "class_name": None if image.class_index is None else classes[image.class_index],
        "attributes": dict(image.attributes),
        "ignore_xyxy_px": tuple(sorted(_rounded(box) for box in image.ignore_xyxy_px)),
        "objects": tuple(objects),
    }


def _name_from(root: Path, path: Path) -> str:
    """Returns an image's path as seen from its dataset, with slashes."""
    if path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return Path(os.path.relpath(path, root)).as_posix()


def _is_own(scene: str, name: str) -> bool:
    """Whether a scene is but the file's name, as readers have it where the source tells none."""
    stem = name.removesuffix(PurePosixPath(name).suffix)
    return f"/{name}".endswith(f"/{scene}") or f"/{stem}".endswith(f"/{scene}")


def _frames(images: Sequence[LabelledImage], names: Sequence[str]) -> list[int | None]:
    """Returns places within sequences, for those whose order the names do not tell."""
    members: dict[str, list[int]] = defaultdict(list)
    for index, image in enumerate(images):
        members[image.sequence].append(index)
    frames: list[int | None] = [None] * len(images)
    for indices in members.values():
        keys = [natural_key(names[index]) for index in indices]
        if keys != sorted(keys):
            for place, index in enumerate(indices):
                frames[index] = place
    return frames


def _rounded(box: Box) -> Box:
    """Rounds away what formats and their arithmetic differ by."""
    x1, y1, x2, y2 = (round(float(value), _DECIMALS) for value in box)
    return x1, y1, x2, y2
