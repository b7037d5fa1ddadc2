"""Fetches the site's review samples into a folder, as tasks with the champion's box in them.

May be stopped and begun again at any time: what is there is not fetched anew, and a file is there
whole or not at all. The folder is what `beltmark-label from-tasks` needs beside what it writes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from beltmark.contract.documents import (
    read_document,
    sha256_of,
    write_bytes,
    write_document,
    write_json,
)
from beltmark.contract.sample import Sample
from beltmark.datasets.images import decode_image
from beltmark.datasets.label_studio import memory
from beltmark.datasets.label_studio.addresses import address_of
from beltmark.datasets.label_studio.regions import Size
from beltmark.datasets.label_studio.words import IMAGE
from labeling.exporting import predicted_region
from labeling.site import ListedSample, SampleGone

TASKS_FILE = "tasks.json"
_IMAGES = "images"
_NOTES = "samples"
"""Folder of what is known of each sample; a note is written after its image, and so means both."""


class SampleSource(Protocol):
    """Where samples come from."""

    def samples(self, limit: int) -> list[ListedSample]:
        """See `Site.samples`."""
        ...

    def image(self, device: str, sample_id: str) -> bytes:
        """See `Site.image`."""
        ...


@dataclass
class Collected:
    """What a collection brought.

    Attributes:
        tasks_path: The tasks of all samples in the folder.
        tasks: How many they are.
        fetched: How many samples are new.
        problems: Why others could not be fetched.
    """

    tasks_path: Path
    tasks: int = 0
    fetched: int = 0
    problems: list[str] = field(default_factory=list)


def collect(source: SampleSource, folder: Path, limit: int, images_prefix: str = "") -> Collected:
    """Fetches the newest samples and writes the tasks of all that are in the folder.

    A sample that can't be used is told and passed over; it does not hold up the others.

    Args:
        source: The site.
        folder: Made if missing.
        limit: Look at so many of the newest samples.
        images_prefix: What goes before the file names in the tasks.

    Raises:
        InputError: The site can't be reached, or a file of the folder can't be read.
    """
    collected = Collected(folder / TASKS_FILE)
    for listed in source.samples(limit):
        note = folder / _NOTES / listed.device / f"{listed.sample.sample_id}.json"
        if note.exists():
            continue
        problem = _fetch(source, listed, folder)
        if problem is not None:
            name = f"{listed.device}/{listed.sample.sample_id}"
            collected.problems.append(f"{name}: {problem} (left out)")
            continue
        write_document(note, listed)
        collected.fetched += 1
    tasks = [_task(listed, images_prefix) for listed in noted_samples(folder)]
    collected.tasks = len(tasks)
    write_json(collected.tasks_path, tasks)
    return collected


def _fetch(source: SampleSource, listed: ListedSample, folder: Path) -> str | None:
    """Fetches a sample's image; returns why it can't be used, if so."""
    try:
        content = fetch_image(source, listed)
    except Unusable as problem:
        return str(problem)
    write_bytes(folder / file_name_of(listed), content)
    return None


class Unusable(Exception):  # noqa: N818 - what it is
    """A sample's image cannot be had; says why."""


def fetch_image(source: SampleSource, listed: ListedSample) -> bytes:
    """Fetches a sample's image, and makes sure that it is the one that is listed.

    Raises:
        Unusable: It is gone, or another one.
        InputError: The site can't be reached.
    """
    sample = listed.sample
    try:
        content = source.image(listed.device, sample.sample_id)
    except SampleGone:
        raise Unusable("the server lists it, but has no image of it") from None
    if sha256_of(content) != listed.sha256:
        raise Unusable("its image is not the one that the server lists")
    size = _size_of(content)
    if size != (sample.width_px, sample.height_px):
        found = "no image" if size is None else f"{size[0]}x{size[1]} pixels"
        raise Unusable(f"its image is {found}, but {sample.width_px}x{sample.height_px} was told")
    return content


def _size_of(content: bytes) -> Size | None:
    decoded = decode_image(content)
    return None if decoded is None else (decoded.shape[1], decoded.shape[0])


def noted_samples(folder: Path) -> Iterator[ListedSample]:
    """Reads what is known of a folder's samples, the oldest first."""
    notes = [read_document(path, ListedSample) for path in (folder / _NOTES).glob("*/*.json")]
    yield from sorted(
        notes, key=lambda note: (note.sample.captured_at, note.device, note.sample.sample_id)
    )


def file_name_of(listed: ListedSample) -> str:
    """Returns where a sample's image lies in the folder."""
    return f"{_IMAGES}/{listed.device}/{listed.sample.sample_id}.jpg"


def _task(listed: ListedSample, images_prefix: str) -> dict[str, Any]:
    sample = listed.sample
    captured_at = datetime.fromtimestamp(sample.captured_at, UTC)
    file_name = file_name_of(listed)
    image = {
        "file_name": file_name,
        "width": sample.width_px,
        "height": sample.height_px,
        # Splits go by it: what one camera saw in one day looks alike.
        "scene": f"{listed.device} {captured_at:%Y-%m-%d}",
        "sequence": f"{listed.device} {sample.item_id}",
    }
    return {
        "data": {
            IMAGE: address_of(file_name, images_prefix),
            "device": listed.device,
            "sample_id": sample.sample_id,
            "item_id": sample.item_id,
            "captured_at": captured_at.isoformat(timespec="milliseconds"),
            "outcome": sample.outcome,
            "reason": sample.reason,
            "release": sample.release,
            **memory.of_task(image),
        },
        "predictions": _predictions(sample),
    }


def _predictions(sample: Sample) -> list[dict[str, Any]]:
    """Returns what the station made of it, if it was sure enough to have a box and a class."""
    if sample.box_xyxy_px is None or not sample.candidates:
        return []
    left, top, right, bottom = sample.box_xyxy_px
    best = sample.candidates[0]
    region = predicted_region(
        "station",
        best.class_name,
        (left, top, right - left, bottom - top),
        (sample.width_px, sample.height_px),
    )
    if region["value"]["width"] <= 0 or region["value"]["height"] <= 0:
        return []  # it is not in the picture
    region["score"] = best.probability
    return [{"model_version": sample.release, "score": best.probability, "result": [region]}]
