"""Tracks a run in MLflow without depending on it: writes a record, and lets a process deliver it.

Where MLflow is, and what the record looks like, is left to `delivery` and `record`.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from training.tracking.record import RECORD, Recorder, Status, curves, first_begin

log = logging.getLogger(__name__)

URI_VARIABLE: Final = "MLFLOW_TRACKING_URI"
LOG: Final = "tracking.log"
WAIT_S: Final = 60.0
MAX_POINTS: Final = 300


def flat(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Writes nested settings with dots: `training.steps`."""
    result: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{name}.")
        else:
            result[f"{prefix}{name}"] = value
    return result


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Averages runs of neighbouring points, so that at most `MAX_POINTS` are left."""
    width = -(-len(points) // MAX_POINTS) or 1
    return [
        (chunk[-1][0], sum(value for _, value in chunk) / len(chunk))
        for start in range(0, len(points), width)
        if (chunk := points[start : start + width])
    ]


def tracking_uri(folder: Path) -> str:
    """Where runs are tracked: as the environment says, else in a database beside the folder."""
    return os.environ.get(URI_VARIABLE) or f"sqlite:///{folder.absolute().parent / 'mlflow.db'}"


class Tracker:
    """What a run needs of tracking; without a record it only remembers the curves.

    Attributes:
        recorder: Where it writes; None where tracking is off.
    """

    def __init__(self, recorder: Recorder | None) -> None:
        self.recorder = recorder
        # What a run that goes on told before belongs to its curves.
        self._curves = {} if recorder is None else curves(recorder.path)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Notes figures of a step."""
        for name, value in values.items():
            self._curves.setdefault(name, {})[step] = value
        if self.recorder is not None:
            self.recorder.metrics(step, values)

    def curves(self, prefix: str) -> dict[str, list[tuple[float, float]]]:
        """Returns (step, value) by name, for names that begin like this, thinned for a chart."""
        return {
            name.removeprefix(prefix): thinned(sorted(points.items()))
            for name, points in self._curves.items()
            if name.startswith(prefix)
        }

    def file(self, path: Path, folder: str = "") -> None:
        """Keeps a file with the run."""
        if self.recorder is not None:
            self.recorder.file(path, folder)

    def tags(self, values: Mapping[str, str]) -> None:
        """Adds tags."""
        if self.recorder is not None:
            self.recorder.tags(values)


@contextmanager
def tracked(
    folder: Path,
    name: str,
    *,
    enabled: bool,
    experiment: str,
    params: Mapping[str, object],
    tags: Mapping[str, str],
    sweep: str | None = None,
    killed_by: tuple[type[BaseException], ...] = (KeyboardInterrupt,),
    wait_s: float = WAIT_S,
) -> Iterator[Tracker]:
    """Tracks what is done within; its end, too, whichever it is.

    Args:
        folder: Of the run; where its record goes. A run that goes on in a folder, and the gate's,
            become children of the first run there.
        name: Of the run.
        enabled: Whether to track at all.
        experiment: Under which it is filed.
        params: What it is made with.
        tags: What else to find it by.
        sweep: Name of the sweep that the first run of a folder belongs to.
        killed_by: Errors that mean that the user stopped it.
        wait_s: How long to wait for the delivery at the end.
    """
    if not enabled:
        yield Tracker(None)
        return
    path = folder / RECORD
    first = first_begin(path)
    parent = first["run"] if first else f"sweep:{sweep}" if sweep else None
    recorder = Recorder(path)
    recorder.begin(name, experiment=experiment, params=params, tags=tags, parent=parent)
    process = _start(folder, path)
    status: Status = "FAILED"
    try:
        yield Tracker(recorder)
        status = "FINISHED"
    except killed_by:
        status = "KILLED"
        raise
    finally:
        recorder.end(status)
        _finish(process, folder, wait_s)


def _start(folder: Path, record: Path) -> "subprocess.Popen[bytes] | None":
    arguments = [sys.executable, "-m", "training.tracking.delivery", str(record)]
    try:
        with (folder / LOG).open("ab") as told:
            return subprocess.Popen(
                [*arguments, tracking_uri(folder)],
                stdin=subprocess.PIPE,
                stdout=told,
                stderr=told,
                start_new_session=True,  # Ctrl-C is for the training
            )
    except OSError as error:
        log.warning("tracking: its process did not start: %s", error)
        return None


def _finish(process: "subprocess.Popen[bytes] | None", folder: Path, wait_s: float) -> None:
    """Waits for the delivery, but not for ever: what is left can be sent later."""
    code: int | None = None
    if process is not None:
        assert process.stdin is not None, "is a pipe"
        process.stdin.close()
        try:
            code = process.wait(wait_s)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
    if code != 0:
        log.warning(
            "tracking: %s was not reached, or not in time; the run is whole in %s: send it with "
            "beltmark-train track %s (why: %s)",
            tracking_uri(folder).split("@")[-1],  # without a password
            folder / RECORD,
            folder,
            folder / LOG,
        )
