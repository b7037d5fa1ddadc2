"""Keeps what a model saw in images, in a SQLite file, by the digests of their files.

A push looks at each image once, whatever is chosen of them and however often it is run again. What
stands there is good for one package and one way of showing it; anything else is looked at anew.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.wal import switch_to_wal
from labeling.samples import Seen

_WRITE_EVERY_S: Final = 5.0
_MOST_UNWRITTEN: Final = 200
_PATIENCE_S: Final = 60.0


class Eyes(Protocol):
    """A model that looks at images; see `Champion`."""

    def look(self, image_bgr: NDArray[np.uint8]) -> Seen:
        """Looks at one image, uint8 [H, W, 3] 0..255 BGR."""
        ...


class Looks:
    """What one model saw. For use from one thread; several processes may share a folder.

    Args:
        folder: Where the file is, made if missing; None for one that is gone when it is closed.
        key: Tells the model, and how it shows what it sees, from all others.

    Raises:
        InputError: The file cannot be made, or is none.
    """

    def __init__(self, folder: Path | None = None, key: str = "") -> None:
        self._path: Path | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._path = folder / f"looks-{sha256_of(key.encode())[:16]}.sqlite"
        with self._telling():
            # SQLite keeps a database without a name in a file of its own.
            self._database = sqlite3.connect(
                self._path or "", isolation_level=None, timeout=_PATIENCE_S
            )
            switch_to_wal(self._database, _PATIENCE_S)
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS looks (digest TEXT PRIMARY KEY, uncertainty REAL, "
                "prediction TEXT, embedding BLOB) WITHOUT ROWID"
            )
        self._unwritten: dict[str, Seen] = {}
        self._written_at = time.monotonic()

    def get(self, digest: str) -> Seen | None:
        """Returns what was seen, or None where it was not."""
        if digest in self._unwritten:
            return self._unwritten[digest]
        with self._telling():
            row = self._database.execute(
                "SELECT uncertainty, prediction, embedding FROM looks WHERE digest = ?", (digest,)
            ).fetchone()
        if row is None:
            return None
        uncertainty, prediction, embedding = row
        vector = None if embedding is None else np.frombuffer(embedding, "<f4")
        return Seen(uncertainty, json.loads(prediction), vector)

    def put(self, digest: str, seen: Seen) -> None:
        """Keeps what was seen; seconds later it is on the disk."""
        self._unwritten[digest] = seen
        is_due = time.monotonic() - self._written_at > _WRITE_EVERY_S
        if is_due or len(self._unwritten) >= _MOST_UNWRITTEN:
            self._write()

    def close(self) -> None:
        """Writes what is left."""
        self._write()
        self._database.close()

    def _write(self) -> None:
        rows = [
            (
                digest,
                seen.uncertainty,
                json.dumps(seen.prediction),
                None if seen.embedding is None else seen.embedding.astype("<f4").tobytes(),
            )
            for digest, seen in self._unwritten.items()
        ]
        with self._telling(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?)", rows)
        self._unwritten.clear()
        self._written_at = time.monotonic()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Lets a problem with the file be one line."""
        try:
            yield
        except sqlite3.Error as error:
            raise InputError(
                f"cannot be used: {error}",
                "free the disk if it is full, else remove the file or give another --cache",
                file=self._path,
            ) from None


class View:
    """A model with its memory.

    Args:
        eyes: The model.
        looks: What it saw; without it that is forgotten with the view.
    """

    def __init__(self, eyes: Eyes, looks: Looks | None = None) -> None:
        self._eyes, self._looks = eyes, looks or Looks()

    def known(self, digest: str) -> Seen | None:
        """Returns what was seen in an image, if it was looked at."""
        return self._looks.get(digest)

    def see(self, digest: str, decode: Callable[[], NDArray[np.uint8]]) -> Seen:
        """Returns what is seen in an image, whose pixels are asked for only if need be."""
        seen = self._looks.get(digest)
        if seen is None:
            seen = self._eyes.look(decode())
            self._looks.put(digest, seen)
        return seen
