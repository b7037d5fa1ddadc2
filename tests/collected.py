"""Pictures, clips and folders for tests of collecting."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from labeling.collecting.collection import Collection, open_collection
from labeling.collecting.record import CollectedImage, SessionRecord, last_day

Picture = NDArray[np.uint8]
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
FORK = multiprocessing.get_context("fork")
_STEPS = ("os.rename", "os.remove", "os.rmdir", "os.mkdir")


def scene(seed: int, width_px: int = 160, height_px: int = 120) -> Picture:
    """Blobs on a grainy ground: sharp, and like no other seed's."""
    chance = np.random.default_rng(seed)
    picture = np.full((height_px, width_px, 3), 110, np.uint8)
    for _ in range(25):
        x, y = int(chance.integers(0, width_px)), int(chance.integers(0, height_px))
        colour = tuple(int(v) for v in chance.integers(0, 256, 3))
        cv2.circle(picture, (x, y), int(chance.integers(6, 24)), colour, -1)
    grain = chance.normal(0, 6, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def blurred(picture: Picture) -> Picture:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 5), np.uint8)


def coded(picture: Picture) -> bytes:
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1])


def write_clip(path: Path, pictures: list[Picture], fps: float = 10.0) -> Path:
    height_px, width_px = pictures[0].shape[:2]
    kind = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), kind, fps, (width_px, height_px))
    for picture in pictures:
        writer.write(picture)
    writer.release()
    return path


def session(name: str, keep_days: int = 90, **more: object) -> SessionRecord:
    told = {
        "session_id": name, "kind": "station", "begun_at": NOON,
        "delete_after": last_day(NOON, keep_days), "class_names": ("cup", "tube"),
    }  # fmt: skip
    return SessionRecord.model_validate(told | more)


def add(
    collection: Collection, record: SessionRecord, seed: int, class_name: str | None = "cup"
) -> SessionRecord:
    """Keeps one picture and writes it down."""
    picture = scene(seed)
    image = CollectedImage(
        file="000000.jpg",
        width_px=picture.shape[1],
        height_px=picture.shape[0],
        class_name=class_name,
    )
    record = collection.keep(record, coded(picture), image)
    collection.put(record)
    return record


@contextmanager
def collection_at(folder: Path) -> Iterator[Collection]:
    with open_collection(folder) as collection:
        yield collection


def killed_before(step: int, work: Callable[[], None]) -> bool:
    """Does work in a process of its own, which is killed before its so manieth change of a name.

    Returns:
        Whether it was killed; else it came to its end.
    """

    def run() -> None:
        left = step

        def hook(event: str, _: object) -> None:
            nonlocal left
            if event in _STEPS:
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1

        sys.addaudithook(hook)
        work()

    process = FORK.Process(target=run)
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0
