"""Where a sync finds images: a folder or dataset, and what stations sent to the site."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.snapshots.store import Store, is_store
from labeling.samples import read_images
from labeling.selection import Reason
from labeling.site import ListedSample
from labeling.site_samples import SampleSource, collect, file_name_of, noted_samples


@dataclass(frozen=True)
class Supply:
    """Images that may become tasks.

    Attributes:
        dataset: The images.
        reason: Why each of them is worth it; None where that is to be found out.
    """

    dataset: Dataset
    reason: Reason | None = None


class Source(Protocol):
    """Where images come from. Each method raises `InputError` where it cannot be read."""

    def refresh(self) -> list[str]:
        """Fetches what may be gone later; returns what could not be fetched."""
        ...

    def read(self) -> list[Supply]:
        """Returns all images, what is worth most first; nothing where none has come since `done`.

        The caller keeps from asking where it could make no task of them anyway.
        """
        ...

    def done(self) -> None:
        """Notes that what was read last needs no other look until it changes."""
        ...


class DatasetSource:
    """A dataset of any format, or a folder of images.

    Args:
        path: Where it is, or `STORE@NAME`.
        format: Of the dataset, where it cannot be told.

    Raises:
        InputError: There is nothing.
    """

    def __init__(self, path: Path, format: str | None = None) -> None:
        if not path.exists() and not is_store(_store_of(path)):
            raise InputError("no such folder or dataset", "check the path", file=path)
        self._path, self._format = path, format
        self._read = self._done = ""

    def refresh(self) -> list[str]:
        """Fetches nothing: what is there stays."""
        return []

    def read(self) -> list[Supply]:
        """Returns all images; none where no file is other than at the last `done`."""
        self._read = _fingerprint(self._path)
        if self._read == self._done:
            return []
        return [Supply(read_images(self._path, self._format))]

    def done(self) -> None:
        """Notes that what was read last needs no other look until it changes."""
        self._done = self._read


class CorrectingSource(SampleSource, Protocol):
    """A site that also tells which items people corrected."""

    def corrected(self, device: str) -> frozenset[str]:
        """See `Site.corrected`."""
        ...


class StationSource:
    """The samples of a site's stations: what people corrected first, then what they reviewed.

    Args:
        site: The site.
        folder: Keeps the samples; the site drops the oldest.
        limit: Look at so many of the newest samples at once.
    """

    def __init__(self, site: CorrectingSource, folder: Path, limit: int = 1_000) -> None:
        self._site, self._folder, self._limit = site, folder, limit
        self._read: set[tuple[str, str]] = set()
        self._done: set[tuple[str, str]] = set()

    def refresh(self) -> list[str]:
        """Fetches new samples; returns those that could not be used."""
        return collect(self._site, self._folder, self._limit).problems

    def read(self) -> list[Supply]:
        """Returns all samples that were fetched, the newest first of each kind."""
        notes = list(noted_samples(self._folder))[::-1]
        self._read = {(note.device, note.sample.sample_id) for note in notes}
        if self._read <= self._done:
            return []
        devices = {device for device, _ in self._read - self._done}
        corrected = {device: self._site.corrected(device) for device in sorted(devices)}
        kinds: dict[Reason, list[ListedSample]] = {"corrected": [], "reviewed": []}
        for note in notes:
            is_corrected = note.sample.item_id in corrected.get(note.device, ())
            kinds["corrected" if is_corrected else "reviewed"].append(note)
        return [
            Supply(_dataset(found, self._folder), reason)
            for reason, found in kinds.items()
            if found
        ]

    def done(self) -> None:
        """Notes that what was read last needs no other look."""
        self._done = self._read


def _dataset(notes: Sequence[ListedSample], folder: Path) -> Dataset:
    images = tuple(_image(note, folder) for note in notes)
    return Dataset(folder, "", (), images, 0, format="samples")


def _image(note: ListedSample, folder: Path) -> LabelledImage:
    sample = note.sample
    captured_at = datetime.fromtimestamp(sample.captured_at, UTC)
    attributes: dict[str, Any] = {
        "station": note.device,
        "item": sample.item_id,
        "captured_at": captured_at.isoformat(timespec="milliseconds"),
        "outcome": sample.outcome,
        "reason": sample.reason,
        "release": sample.release,
    }
    return LabelledImage(
        folder / file_name_of(note),
        sample.width_px,
        sample.height_px,
        # Splits go by it: what one camera saw in one day looks alike.
        f"{note.device} {captured_at:%Y-%m-%d}",
        f"{note.device} {sample.item_id}",
        (),
        (),
        attributes=attributes,
    )


def _fingerprint(path: Path) -> str:
    """Returns what changes when a file of a dataset comes, goes or is written anew."""
    told = sha256()
    store = _store_of(path)
    if not path.exists() and is_store(store):
        return sha256(repr(sorted(Store(store).names().items())).encode()).hexdigest()
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            _add(told, Path(folder) / name)
    if not path.is_dir():
        _add(told, path)
    return told.hexdigest()


def _store_of(path: Path) -> Path:
    return Path(f"{path}".rpartition("@")[0])


def _add(told: Any, path: Path) -> None:
    try:
        found = path.stat()
        told.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode("utf-8", "replace"))
    except OSError:
        pass  # it has gone meanwhile, or never was: reading will tell
