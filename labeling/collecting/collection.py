"""The folder that is collected into: a folder for each session, and one COCO file of all of them.

A picture is whole before it is in its session's record, and in the record before it is in the COCO
file; what goes, goes the other way round. Whatever is killed in between is put in order by the next
who opens the folder. What is worth keeping is left to others.
"""

import fcntl
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from beltmark.contract.documents import (
    read_document,
    sync,
    write_bytes,
    write_document,
    write_json,
)
from beltmark.contract.errors import InputError
from beltmark.datasets.checking import check_class_names
from labeling.collecting.record import (
    MAX_IMAGES,
    CollectedImage,
    SessionRecord,
    coco_document,
)

DOCUMENT: Final = "annotations.json"
SESSIONS: Final = "sessions"
_RECORD: Final = "session.json"
_LOCK: Final = ".collect.lock"
_GOING: Final = ".gone-"
_MAX_RECORD_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True)
class Forgotten:
    """A session that was removed, for its day had passed.

    Attributes:
        session_id: Its name.
        images: How many pictures it had.
        delete_after: The last day on which they were to be kept.
    """

    session_id: str
    images: int
    delete_after: str


class Collection:
    """A folder of sessions, to which nobody else writes meanwhile; see `open_collection`.

    Args:
        folder: Where it lies.
        records: What was written down of its sessions, by their names.
    """

    def __init__(self, folder: Path, records: Mapping[str, SessionRecord]) -> None:
        self.folder = folder
        self._records = dict(records)

    @property
    def records(self) -> Sequence[SessionRecord]:
        """All sessions, by their names."""
        return [self._records[name] for name in sorted(self._records)]

    @property
    def names(self) -> frozenset[str]:
        """The names of all sessions."""
        return frozenset(self._records)

    def sources(self, without: str = "") -> frozenset[str]:
        """Returns digests of the files that pictures were made from, but for one session's."""
        return frozenset(
            image.source_sha256
            for name, record in self._records.items()
            for image in record.images
            if image.source_sha256 and name != without
        )

    def record(self, name: str) -> SessionRecord | None:
        """Returns what is written down of a session, if there is one of this name."""
        return self._records.get(name)

    def counts(self) -> Counter[str | None]:
        """Returns how many pictures there are of each class; None stands for empty ones."""
        return Counter(
            image.class_name
            for record in self._records.values()
            for image in record.images
            if image.class_name is not None or image.is_empty
        )

    def path_of(self, name: str, image: CollectedImage) -> Path:
        """Returns where a session's picture lies."""
        return self.folder_of(name) / image.file

    def check_classes(self, class_names: Sequence[str]) -> None:
        """Makes sure that classes differ from those here by more than upper and lower case.

        Raises:
            InputError: Names the two.
        """
        known = [name for record in self.records for name in record.class_names]
        names = dict.fromkeys((*known, *class_names))
        if names:
            check_class_names([(name, "classes") for name in names], self.folder)

    def put(self, record: SessionRecord, *, is_shown: bool = True) -> None:
        """Writes down a session.

        Args:
            record: It; its pictures lie in its folder already.
            is_shown: Whether the COCO file is brought up to date at once.
        """
        path = self.folder_of(record.session_id) / _RECORD
        write_document(path, record)
        if record.session_id not in self._records:
            sync(path.parent.parent)
        self._records[record.session_id] = record
        if is_shown:
            self.show()

    def keep(self, record: SessionRecord, jpeg: bytes, image: CollectedImage) -> SessionRecord:
        """Writes a picture; returns its session's record with it, to be `put`.

        Args:
            record: The session's.
            jpeg: The picture.
            image: What is known of it; its file is named here.

        Raises:
            InputError: The session is full.
        """
        if len(record.images) >= MAX_IMAGES:
            raise InputError(
                f"has {MAX_IMAGES} pictures, as many as a session may have",
                "begin another session",
                file=self.folder_of(record.session_id),
            )
        last = max((each.file for each in record.images), default="000000.jpg")
        named = image.model_copy(update={"file": f"{int(last[:6]) + 1:06}.jpg"})
        write_bytes(self.path_of(record.session_id, named), jpeg)
        return record.model_copy(update={"images": (*record.images, named)})

    def take_back(self, record: SessionRecord, image: CollectedImage) -> SessionRecord:
        """Removes a picture; returns its session's record without it, which is written."""
        left = tuple(each for each in record.images if each.file != image.file)
        record = record.model_copy(update={"images": left})
        self.put(record)
        self.path_of(record.session_id, image).unlink(missing_ok=True)
        return record

    def remove(self, name: str) -> None:
        """Removes a session with all of its pictures."""
        del self._records[name]
        self.show()
        folder = self.folder_of(name)
        # Under another name first: half a session is none.
        going = folder.with_name(f"{_GOING}{name}")
        folder.replace(going)
        sync(folder.parent)
        shutil.rmtree(going)

    def forget(self, now: datetime) -> list[Forgotten]:
        """Removes the sessions whose last day has passed; tells which.

        Args:
            now: The time, in UTC.
        """
        past = [record for record in self.records if record.delete_after < now.date()]
        for record in past:
            self.remove(record.session_id)
        return [
            Forgotten(each.session_id, len(each.images), each.delete_after.isoformat())
            for each in past
        ]

    def show(self) -> None:
        """Brings the COCO file up to date."""
        path = self.folder / DOCUMENT
        document = coco_document(self.records, Path(SESSIONS))
        if document["images"]:
            write_json(path, document)
        else:
            path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Puts in order what somebody who was killed has left."""
        for going in (self.folder / SESSIONS).glob(f"{_GOING}*"):
            shutil.rmtree(going)
        for record in self.records:
            folder = self.folder_of(record.session_id)
            there = {path.name: path for path in folder.iterdir()}
            known = {image.file for image in record.images}
            for name in there.keys() - known - {_RECORD}:
                if name.endswith(".jpg") or name.startswith("."):
                    there[name].unlink()
            left = tuple(image for image in record.images if image.file in there)
            if len(left) < len(record.images):  # somebody removed pictures that they did not like
                record = record.model_copy(update={"images": left})  # noqa: PLW2901
                self.put(record, is_shown=False)
            if record.kind == "station" and not record.images:  # begun, and then killed
                self.remove(record.session_id)
        self.show()

    def folder_of(self, name: str) -> Path:
        """Returns where a session lies."""
        return self.folder / SESSIONS / name


@contextmanager
def open_collection(folder: Path) -> Iterator[Collection]:
    """Opens a folder for collecting; makes it if it is missing. The lock falls with the process.

    Raises:
        InputError: Another process collects into it, or something else lies there.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError("is a file", "name a folder", file=folder)
    is_ours = (folder / SESSIONS).is_dir() or (folder / _LOCK).exists()
    if folder.is_dir() and not is_ours and any(folder.iterdir()):
        raise InputError(
            "has something else in it", "name a new folder, or one of `collect`", file=folder
        )
    (folder / SESSIONS).mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                "another process collects into it", "end that, or name another folder", file=folder
            ) from None
        collection = Collection(folder, dict(_records(folder)))
        collection.tidy()
        yield collection


def _records(folder: Path) -> Iterator[tuple[str, SessionRecord]]:
    for path in sorted((folder / SESSIONS).iterdir()):
        if path.name.startswith("."):
            continue
        record = path / _RECORD
        if not record.is_file() and all(_is_leftover(each) for each in path.iterdir()):
            shutil.rmtree(path)  # it was killed before anything was written down
            continue
        found = read_document(record, SessionRecord, limit=_MAX_RECORD_BYTES)
        if found.session_id != path.name:
            raise InputError(
                f"is of another session, {found.session_id}", "put it back there", file=record
            )
        yield path.name, found


def _is_leftover(path: Path) -> bool:
    return path.is_file() and (path.name.startswith(".") or path.suffix == ".jpg")
