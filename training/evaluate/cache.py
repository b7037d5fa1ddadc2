"""Keeps what a model saw in an image, so that an interrupted evaluation goes on where it was.

One SQLite file in the cache's folder. An entry is good for one package, one image's content, one
kind of processor and this code's way of looking; anything else looks anew.
"""

import io
import sqlite3
import time
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from beltmark.contract.documents import read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.package import ModelPackage
from edge_agent.vision.processor import instruction_set

FILE = "detections.sqlite"
COMMIT_EVERY_S = 5.0
_LOOKS_BY = (
    "edge_agent.vision.preprocess",
    "edge_agent.vision.detector",
    "edge_agent.vision.postprocess",
    "training.evaluate.looking",
)
"""What of an image is seen depends on these modules' code."""


@dataclass(frozen=True, eq=False)
class Look:
    """What a model saw in one image, and what the image is like.

    Attributes:
        boxes: float32 [K, 4] xyxy in image pixels, best first.
        class_scores: float32 [K, C], calibrated.
        size_px: Width and height.
        brightness: Mean grey value, 0..255.
        sharpness: Variance of the Laplacian of the grey values; low where it is blurred.
    """

    boxes: NDArray[np.float32]
    class_scores: NDArray[np.float32]
    size_px: tuple[int, int]
    brightness: float
    sharpness: float


class LookCache:
    """What was seen by any package, by key; for use from one thread, as a context manager."""

    def __init__(self, folder: Path) -> None:
        """Opens the cache, and makes it if it is missing.

        Raises:
            InputError: The folder cannot be made, or the file in it is no such cache.
        """
        self._path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self._path, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS looks (key TEXT PRIMARY KEY, content BLOB NOT NULL)"
            )
            self._database.execute("BEGIN")
        except OSError as error:
            raise InputError(
                f"cannot be made: {error.strerror}", "name another --cache", file=folder
            ) from None
        except sqlite3.Error as error:
            raise self._trouble(error) from None
        self._committed_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(sqlite3.Error):
            self._database.execute("COMMIT")
        self._database.close()

    def get(self, key: str) -> Look | None:
        """Returns what was seen, or None where it was not, or cannot be read any more."""
        try:
            row = self._database.execute(
                "SELECT content FROM looks WHERE key = ?", (key,)
            ).fetchone()
        except sqlite3.Error as error:
            raise self._trouble(error) from None
        return None if row is None else _unpacked(row[0])

    def put(self, key: str, look: Look) -> None:
        """Keeps what was seen; at the latest some seconds later it is on the disk.

        Raises:
            InputError: It cannot be written, for want of space for instance.
        """
        try:
            self._database.execute(
                "INSERT OR REPLACE INTO looks VALUES (?, ?)", (key, _packed(look))
            )
            if time.monotonic() - self._committed_at > COMMIT_EVERY_S:
                self._database.execute("COMMIT")
                self._database.execute("BEGIN")
                self._committed_at = time.monotonic()
        except sqlite3.Error as error:
            raise self._trouble(error) from None

    def _trouble(self, error: sqlite3.Error) -> InputError:
        return InputError(
            f"cannot be used: {error}",
            "free the disk if it is full, else remove the file or name another --cache",
            file=self._path,
        )


def key_prefix(package: ModelPackage) -> str:
    """Digest of all that decides what is seen, but the image."""
    code = b""
    for name in _LOOKS_BY:
        path = import_module(name).__file__
        assert path is not None, "is a module of ours"
        code += read_bytes(Path(path))
    parts = (package.digest, instruction_set(), onnxruntime.__version__, sha256_of(code))
    return sha256_of(" ".join(parts).encode())[:32]


def _packed(look: Look) -> bytes:
    buffer = io.BytesIO()
    facts = np.array([*look.size_px, look.brightness, look.sharpness], np.float64)
    np.savez_compressed(buffer, boxes=look.boxes, class_scores=look.class_scores, facts=facts)
    return buffer.getvalue()


def _unpacked(content: object) -> Look | None:
    """Returns what an entry says; None where it is cut, or no entry of ours."""
    if not isinstance(content, bytes):
        return None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as held:
            boxes, class_scores = held["boxes"], held["class_scores"]
            width_px, height_px, brightness, sharpness = held["facts"].tolist()
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    if boxes.shape != (len(class_scores), 4) or class_scores.ndim != 2:
        return None
    return Look(boxes, class_scores, (int(width_px), int(height_px)), brightness, sharpness)
