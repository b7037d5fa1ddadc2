"""Keeps the distinct, sharp pictures of a video or a folder. Stopped, it goes on where it was.

Deterministic: the same file gives the same pictures, however often it was stopped meanwhile.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from labeling.collecting.collection import Collection
from labeling.collecting.crops import as_jpeg, cut
from labeling.collecting.judging import Judge
from labeling.collecting.record import CollectedImage, SessionRecord, Zone, last_day, slug
from labeling.collecting.recordings import Look, Pictures, Video

_NOTED_EVERY_S: Final = 5.0
_MAX_KEPT_BYTES: Final = 64 * 1024 * 1024
_NAMED: Final = 5


@dataclass(frozen=True)
class FilesPlan:
    """How pictures are taken from files.

    Attributes:
        class_name: Of what lies in them; None where it is for people to say.
        class_names: Those of the project, if they are known.
        zone: What is cut out; None keeps the whole picture.
        every_s: Of a video: one frame is looked at in so many seconds.
        keep_days: So long the pictures may be kept.
    """

    class_name: str | None
    class_names: tuple[str, ...]
    zone: Zone | None
    every_s: float
    keep_days: int


@dataclass
class Taken:
    """What came of a source.

    Attributes:
        record: Its session.
        fresh: Pictures that this run kept.
        there: Files that were collected before, in whatever session.
        unreadable: Names of those that could not be read, the first few.
        others: Files of a folder that are no pictures, as far as their names tell.
        missing: Frames that a video promises and does not have.
        is_known: Nothing was left to do.
    """

    record: SessionRecord
    fresh: int = 0
    there: int = 0
    unreadable: list[str] = field(default_factory=list)
    others: int = 0
    missing: int = 0
    is_known: bool = False


def take_files(
    collection: Collection,
    source: Path,
    plan: FilesPlan,
    now: datetime,
    *,
    advance: Callable[[int], Any] = lambda _: None,
    tick: Callable[[], float] = time.monotonic,
) -> Taken:
    """Takes what is distinct and sharp from a video file, or from a folder of pictures.

    Args:
        collection: Where it goes.
        source: The file or folder.
        plan: How.
        now: The time.
        advance: Is told how many frames or files more were passed.
        tick: Seconds of a clock that stands for nothing else: how often is noted what was done.

    Raises:
        InputError: It is neither, the zone does not fit, or the session was begun otherwise.
    """
    is_folder = source.is_dir()
    frames = Pictures(source) if is_folder else Video(source, plan.every_s)
    record = _begun(collection, source, plan, now, is_folder=is_folder)
    taken = Taken(record)
    if record.ended_at is not None and isinstance(frames, Video):
        taken.is_known = True
        return taken
    taking = _Taking(collection, plan, source, taken, tick)
    if isinstance(frames, Pictures):
        taken.others = frames.others
        names, sources = set(record.names), collection.sources(record.session_id)
        for look in frames.looks(names):
            if look.sha256 in sources:
                taken.there += 1
            else:
                taking.look_at(look)
            taking.note(names=look.name)
            advance(1)
        advance(len(names & set(frames.names)))
    else:
        advance(record.looked)
        for passed, frame in frames.looks(record.looked):
            if frame is not None:
                taking.look_at(frame)
            taking.note(looked=passed)
            advance(1)
        taken.missing = max(0, frames.frames - taking.looked)
    taking.end(now)
    return taken


def _begun(
    collection: Collection, source: Path, plan: FilesPlan, now: datetime, *, is_folder: bool
) -> SessionRecord:
    """Returns the session of a source: the one that was begun, or a new one."""
    name = f"{slug(source.stem if not is_folder else source.resolve().name)}-{_key(source)}"
    class_names = (plan.class_name,) if plan.class_name else ()
    found = collection.record(name)
    if found is None or not found.images:  # what brought nothing may be tried otherwise
        record = SessionRecord(
            session_id=name,
            kind="folder" if is_folder else "video",
            begun_at=now,
            delete_after=last_day(now, plan.keep_days),
            source=source.resolve().name.encode("utf-8", "replace").decode()[:200] or "/",
            zone_xyxy_px=plan.zone,
            every_s=None if is_folder else plan.every_s,
            class_names=tuple(dict.fromkeys((*plan.class_names, *class_names))),
        )
        collection.put(record)
        return record
    labels = {image.class_name for image in found.images}
    for what, was, given in (
        ("the zone", found.zone_xyxy_px, plan.zone),
        ("the pace", found.every_s, None if is_folder else plan.every_s),
        ("the class", next(iter(labels)) if labels else plan.class_name, plan.class_name),
    ):
        if was != given:
            raise InputError(
                f"was begun otherwise: {what} was {_shown(was)}, and is {_shown(given)} now",
                "give the same options, or remove this folder to collect it anew",
                file=collection.folder_of(name),
            )
    return found


class _Taking:
    """One run over one source."""

    def __init__(
        self,
        collection: Collection,
        plan: FilesPlan,
        source: Path,
        taken: Taken,
        tick: Callable[[], float],
    ) -> None:
        self._collection, self._plan, self._source, self._taken = collection, plan, source, taken
        self._tick, self._noted_at = tick, tick()
        self._names: list[str] = []
        self.looked = taken.record.looked
        self._judge = Judge()
        for image in taken.record.images:
            path = collection.path_of(taken.record.session_id, image)
            self._judge.know(read_bytes(path, limit=_MAX_KEPT_BYTES))

    def look_at(self, look: Look) -> None:
        """Keeps a picture, or counts why not."""
        record = self._taken.record
        if look.image_bgr is None:
            self._count("unreadable")
            if len(self._taken.unreadable) < _NAMED:
                self._taken.unreadable.append(look.name)
            return
        name = self._source / look.name if self._source.is_dir() else self._source
        crop = cut(look.image_bgr, self._plan.zone, name)
        judged = self._judge.judge(as_jpeg(crop))
        if judged.is_blurred or judged.alike is not None:
            self._count("blurred" if judged.is_blurred else "alike")
            return
        height_px, width_px = crop.shape[:2]
        image = CollectedImage(
            file="000000.jpg",
            width_px=width_px,
            height_px=height_px,
            class_name=self._plan.class_name,
            source_sha256=look.sha256,
        )
        self._taken.record = self._collection.keep(record, judged.jpeg, image)
        self._judge.take(judged)
        self._taken.fresh += 1

    def note(self, *, looked: int | None = None, names: str | None = None) -> None:
        """Notes how far it is, now and then."""
        if names is not None:
            self._names.append(names)
        self.looked = looked if looked is not None else self.looked
        if self._tick() - self._noted_at >= _NOTED_EVERY_S:
            self._write({})
            self._noted_at = self._tick()

    def end(self, now: datetime) -> None:
        """Notes that all of it was looked at."""
        self._write({"ended_at": now})

    def _count(self, why: str) -> None:
        record = self._taken.record
        self._taken.record = record.model_copy(update={why: getattr(record, why) + 1})

    def _write(self, more: dict[str, Any]) -> None:
        record = self._taken.record
        told = {"looked": self.looked, "names": (*record.names, *self._names), **more}
        self._names.clear()
        self._taken.record = record.model_copy(update=told)
        self._collection.put(self._taken.record)


def _key(source: Path) -> str:
    """Tells sources apart: a file by its content, a folder, which may grow, by where it lies."""
    if source.is_dir():
        told = hashlib.sha256(str(source.resolve()).encode("utf-8", "surrogateescape"))
        return told.hexdigest()[:8]
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]


def _shown(value: object) -> str:
    return "none" if value is None else f"{value}"
