"""Puts a dataset's images where a writer wants them, each whole or not at all.

An image that is there already is left alone, so that writing that was stopped goes on where it was.
"""

import filecmp
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from beltmark.contract.documents import sync, whole_file
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset, LabelledImage


def flat_names(dataset: Dataset) -> list[str]:
    """Returns a file name for each image, no two of which differ only in their ending or case.

    It is the image's own where that is unique, else it has the folders above it in it.
    """
    stems = Counter(image.path.stem.casefold() for image in dataset.images)
    root = os.path.commonpath([str(image.path.parent) for image in dataset.images] or [""])
    names = [
        image.path.name
        if stems[image.path.stem.casefold()] == 1
        else "__".join(PurePosixPath(os.path.relpath(image.path, root)).parts)
        for image in dataset.images
    ]
    taken = Counter(PurePosixPath(name).stem.casefold() for name in names)
    for index, name in enumerate(names):
        path = PurePosixPath(name)
        if taken[path.stem.casefold()] > 1:  # a.jpg beside a.png
            names[index] = f"{path.stem}__{index}{path.suffix}"
    return names


def copy_images(images: Sequence[LabelledImage], targets: Sequence[Path]) -> None:
    """Copies image files; those that are there already, byte for byte, are left alone.

    Raises:
        InputError: An image is missing, or another file of that name is there.
        OSError: The disk is full or can't be written.
    """
    for image, target in zip(images, targets, strict=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            _check_same(image.path, target)
        else:
            _copy(image.path, target)
    for folder in {target.parent for target in targets}:
        sync(folder)


def _check_same(source: Path, target: Path) -> None:
    if target.samefile(source) or filecmp.cmp(source, target, shallow=False):
        return
    raise InputError(
        f"is another file than {source}", "write the dataset into a new folder", file=target
    )


def _copy(source: Path, target: Path) -> None:
    try:
        opened = source.open("rb")
    except FileNotFoundError:
        raise InputError("no such file", "copy the image there", file=source) from None
    with opened as reading, whole_file(target) as file:
        shutil.copyfileobj(reading, file)
