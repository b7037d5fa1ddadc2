"""Reads every image of a dataset once: which cannot be read, and what the others look like."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from beltmark.datasets.checks.finding import Finding, Place
from beltmark.datasets.checks.integrity import open_picture
from beltmark.datasets.checks.memory import Memory
from beltmark.datasets.checks.pixels import VERSION, Pixels, measure, pack, unpack
from beltmark.datasets.checks.progress import Progress
from beltmark.datasets.dataset import LabelledImage
from beltmark.datasets.images import MAX_IMAGE_BYTES


@dataclass(frozen=True, eq=False)
class Scanned:
    """An image that can be read.

    Attributes:
        name: As in findings.
        image: What the dataset says of it.
        sha256: Digest of its file.
        pixels: What was measured.
    """

    name: str
    image: LabelledImage
    sha256: str
    pixels: Pixels


def scan(
    images: Sequence[LabelledImage],
    names: Sequence[str],
    memory: Memory,
    progress: Progress,
) -> tuple[tuple[Scanned, ...], tuple[Finding, ...]]:
    """Reads all images.

    Args:
        images: The images.
        names: Their names.
        memory: What was measured before, by the content of the file.
        progress: Shows how far it is.

    Returns:
        The readable ones in their order, and findings of `unreadable` and `wrong-size`.
    """
    scanned: list[Scanned] = []
    findings: list[Finding] = []
    for name, image in zip(names, progress(images, "reading images"), strict=True):
        found = _scan_one(name, image, memory)
        if isinstance(found, Finding):
            findings.append(found)
            continue
        scanned.append(found)
        findings += _wrong_size(found)
    return tuple(scanned), tuple(findings)


def _scan_one(name: str, image: LabelledImage, memory: Memory) -> Scanned | Finding:
    try:
        content = read_bytes(image.path, limit=MAX_IMAGE_BYTES)
    except InputError as error:
        return Finding("unreadable", error.problem, (Place(name),))
    sha256 = hashlib.sha256(content).hexdigest()
    key = f"pixels/{VERSION}/{sha256}"
    known = memory.get(key)
    if known is not None:
        return Scanned(name, image, sha256, unpack(known))
    picture, fault = open_picture(content)
    if picture is None:
        return Finding("unreadable", fault, (Place(name),))
    pixels = measure(picture)
    memory.put(key, pack(pixels))
    return Scanned(name, image, sha256, pixels)


def _wrong_size(found: Scanned) -> Iterator[Finding]:
    given = (found.image.width_px, found.image.height_px)
    real = (found.pixels.width_px, found.pixels.height_px)
    if given != real:
        told = f"is {real[0]}x{real[1]} pixels, the annotations say {given[0]}x{given[1]}"
        yield Finding("wrong-size", told, (Place(found.name),))
