"""What a run tells of itself, written to a file in its folder; `delivery` brings it to MLflow.

The file comes first: training never waits for a tracking server, and what one that is away has
missed can be sent later. A row is a JSON object in a line.
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final, Literal

from beltmark.contract.documents import writing

RECORD: Final = "tracking.jsonl"
FLUSH_S: Final = 1.0
MAX_ROW_BYTES: Final = 4 * 1024 * 1024
Status = Literal["FINISHED", "FAILED", "KILLED"]


class Recorder:
    """Writes the rows of one run; one thread.

    Attributes:
        run: The run's own id.
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = uuid.uuid4().hex
        self._file: IO[str] | None = None
        self._flushed = 0.0

    def begin(
        self,
        name: str,
        *,
        experiment: str,
        params: Mapping[str, object],
        tags: Mapping[str, str],
        parent: str | None = None,
    ) -> None:
        """Begins the run.

        Args:
            name: As people see it.
            experiment: Under which it is filed.
            params: What it was made with.
            tags: What else to find it by.
            parent: Id of the run that it belongs to, in this file or another.
        """
        told = {name: str(value) for name, value in params.items()}
        self._write(
            "begin", name=name, experiment=experiment, params=told, tags=dict(tags), parent=parent
        )
        self.flush()

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Notes figures of a step; on the disk within a second or so."""
        self._write("metrics", step=step, values=dict(values))
        if time.monotonic() - self._flushed > FLUSH_S:
            self.flush()

    def file(self, path: Path, folder: str = "") -> None:
        """Notes a file, or a folder of files, to be kept with the run."""
        self._write("file", path=str(path.absolute()), folder=folder)

    def tags(self, values: Mapping[str, str]) -> None:
        """Adds tags."""
        self._write("tags", values=dict(values))

    def end(self, status: Status) -> None:
        """Ends the run."""
        self._write("end", status=status)
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    def flush(self) -> None:
        """Hands over what was noted."""
        if self._file is not None:
            with writing(self.path):
                self._file.flush()
        self._flushed = time.monotonic()

    def _write(self, kind: str, **told: object) -> None:
        with writing(self.path):
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("a")
            row = {"run": self.run, "kind": kind, "at_ms": round(time.time() * 1000), **told}
            self._file.write(json.dumps(row) + "\n")


def read_rows(path: Path, offset: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    """Yields rows from a place on, and where each ends; a last one that is not whole is left.

    A row that cannot be read is passed over: it is what a power cut left.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            try:
                row = json.loads(line) if len(line) <= MAX_ROW_BYTES else None
            except (ValueError, RecursionError):
                row = None
            if isinstance(row, dict) and isinstance(row.get("run"), str):
                yield row, offset


def first_begin(path: Path) -> dict[str, Any] | None:
    """Returns how the first run in a file began: what comes later belongs to it."""
    for row, _ in read_rows(path):
        if row.get("kind") == "begin":
            return row
    return None


def curves(path: Path) -> dict[str, dict[float, float]]:
    """Returns values by step, by name, over all runs of a file; the later word on a step counts."""
    found: dict[str, dict[float, float]] = {}
    for row, _ in read_rows(path):
        if row.get("kind") == "metrics" and isinstance(row.get("values"), dict):
            for name, value in row["values"].items():
                found.setdefault(name, {})[float(row["step"])] = float(value)
    return found
