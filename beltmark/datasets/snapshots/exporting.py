"""Exports a snapshot as a COCO dataset, for other programs: images are linked, not copied."""

import shutil
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from beltmark.contract.documents import write_json
from beltmark.contract.errors import InputError
from beltmark.datasets.coco_writing import coco_document
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.snapshots.disk import RealDisk
from beltmark.datasets.snapshots.objects import Progress, no_progress

ANNOTATIONS: Final = "annotations.json"
_LONGEST_NAME: Final = 200
_SUFFIXES: Final = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"BM": ".bmp", b"RI": ".webp"}


def export_coco(dataset: Dataset, folder: Path, progress: Progress = no_progress) -> Path:
    """Writes a folder with `annotations.json` and `images/`; returns the former.

    Images keep their original names where these differ and stay within the folder; else the first
    digits of the digest tell them apart. Files are hard links into the store where they can be,
    and read-only: what is written to one would damage the store.

    Args:
        dataset: What `open_snapshot` gave.
        folder: A new or empty one; it appears when all is in it.
        progress: Told after each image.

    Raises:
        InputError: There is something in the folder.
        OSError: The disk is full.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("is not an empty folder", "name a new one", file=folder)
    names = file_names(dataset.images)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    disk = RealDisk()
    try:
        for done, (image, name) in enumerate(zip(dataset.images, names, strict=True), 1):
            target = unfinished / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not disk.link(image.path, target):
                disk.copy(image.path, target)
            progress(done, len(names))
        info = {"description": f"snapshot {dataset.sha256}"}
        write_json(unfinished / ANNOTATIONS, {"info": info, **coco_document(dataset, names)})
        unfinished.replace(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return folder / ANNOTATIONS


def file_names(images: Sequence[LabelledImage]) -> list[str]:
    """Returns names below the folder, all different even where case does not count."""
    wanted = [_safe(image) for image in images]
    counts = Counter(name.casefold() for name in wanted)
    found: list[str] = []
    taken: set[str] = set()
    for image, name in zip(images, wanted, strict=True):
        chosen, number = name, 1
        if counts[name.casefold()] > 1:
            chosen = _numbered(name, image.path.parent.name + image.path.name[:10])
        while chosen.casefold() in taken:  # a frame that is the very file of another
            number += 1
            chosen = _numbered(name, f"{image.path.parent.name}{image.path.name[:10]}-{number}")
        taken.add(chosen.casefold())
        found.append(chosen)
    return found


def _safe(image: LabelledImage) -> str:
    """Returns a name below `images/` made of the original one."""
    original = PurePosixPath(image.attributes.get("file_name", image.path.name))
    parts = [part for part in original.parts if part not in {"/", "..", "."}]
    is_plain = all(
        part.isprintable() and not part.startswith(".") and "\\" not in part for part in parts
    )
    if not parts or not is_plain or len("/".join(parts).encode()) > _LONGEST_NAME:
        parts = [image.path.parent.name + image.path.name[:10] + _suffix(image.path)]
    return "/".join(parts if parts[0] == "images" else ("images", *parts))


def _suffix(path: Path) -> str:
    with path.open("rb") as file:
        return _SUFFIXES.get(file.read(2), ".img")


def _numbered(name: str, mark: str) -> str:
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}-{mark}{path.suffix}"))
