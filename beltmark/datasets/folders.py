"""Reads a folder of images that lie in a folder per class: each image is of one class as a whole.

`CLASS/image.jpg`, or `PART/CLASS/image.jpg` where all folders at the top are parts (`train`,
`val`, `test` and the like); the part is the image's attribute `split`. Folders may be nested
deeper: a class is named by the way to its images, as `Fruit/Apple/Golden-Delicious`, so that
nothing is joined or parted unseen. Boxes are left to the other formats.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path

from beltmark.contract.errors import InputError
from beltmark.datasets.checking import check_class_names
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.files import DatasetFiles, is_image
from beltmark.datasets.parts import SPLIT, part_of
from beltmark.datasets.sizes import image_sizes


def read_folders(folder: Path, without: Collection[Path] = ()) -> Dataset:
    """Reads a folder; of its images only the first bytes, which tell their size.

    Other files are left alone, and counted in `notes`; hidden ones are passed over.

    Args:
        folder: The folder.
        without: Images that are left out.

    Raises:
        InputError: An image in no class, unreadable, or no image at all.
    """
    files = DatasetFiles(folder)
    has_parts = is_in_parts(files)
    names, others = [], 0
    for name in files.below():
        if is_image(name):
            names.append(name)
        else:
            others += 1
    if not names:
        raise InputError("has no image in it", "give a folder of class folders", file=folder)
    classes = [_class_of(name, has_parts, files) for name in names]
    class_names = sorted(set(classes))
    check_class_names([(name, "folders") for name in class_names], folder)
    class_index = {name: k for k, name in enumerate(class_names)}
    class_of = {
        name: class_name
        for name, class_name in zip(names, classes, strict=True)
        if folder / name not in without
    }
    if not class_of:
        raise InputError("has no image left", "give a folder of class folders", file=folder)
    sizes = image_sizes([folder / name for name in class_of])
    images = [
        LabelledImage(
            folder / name,
            *size,
            name,
            name,
            (),
            (),
            class_index[class_name],
            {SPLIT: part} if has_parts and (part := part_of(name.partition("/")[0])) else {},
        )
        for (name, class_name), size in zip(class_of.items(), sizes, strict=True)
    ]
    digest = hashlib.sha256("\n".join(names).encode(errors="surrogateescape")).hexdigest()
    notes = (f"{others} files are no images: left out",) if others else ()
    return Dataset(folder, digest, tuple(class_names), tuple(images), 0, "folders", notes)


def is_in_parts(files: DatasetFiles) -> bool:
    """Whether all folders at the top are parts, with folders in them."""
    tops = files.folders()
    return bool(tops) and all(part_of(top) is not None and files.folders(top) for top in tops)


def _class_of(name: str, has_parts: bool, files: DatasetFiles) -> str:
    parts = name.split("/")[:-1]
    way = parts[1:] if has_parts else parts
    if not way:
        raise InputError(
            "lies in no class's folder",
            "move it into the folder of its class",
            file=files.root / name,
        )
    return "/".join(way)
