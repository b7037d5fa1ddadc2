"""Brings what runs told of themselves to MLflow: `python -m training.tracking.delivery RECORD URI`.

It runs in a process of its own, beside the training: MLflow takes seconds to load, and a server
that is slow or away must cost the training nothing. What was brought is noted, so that it goes on
where it stopped; what is brought twice, MLflow keeps once.
"""

import argparse
import fcntl
import json
import logging
import os
import select
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from beltmark.contract.documents import write_json
from training.tracking.record import read_rows

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

log = logging.getLogger(__name__)

STATE: Final = "tracking.state.json"
RUN_TAG: Final = "beltmark.run"
MAX_METRICS: Final = 1000
MAX_PARAMS: Final = 100
PAUSE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 60.0
QUIET: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""MLflow tells its makers how it is used, and retries for minutes, unless it is told not to."""


class Delivery:
    """Brings one record to one server.

    Attributes:
        delivered: Rows brought so far by this process.
    """

    def __init__(self, record: Path, client: "MlflowClient", artifacts: str | None) -> None:
        self.delivered = 0
        self._record = record
        self._client = client
        self._artifacts = artifacts
        self._state_path = record.with_name(STATE)
        self._offset, self._runs = _read_state(self._state_path)

    def bring(self) -> None:
        """Brings all rows that are there; an error leaves the rest for the next time."""
        for run, rows in _by_run(self._record, self._offset):
            self._bring(run, [row for row, _ in rows])
            self._offset = rows[-1][1]
            self.delivered += len(rows)
            write_json(self._state_path, {"offset": self._offset, "runs": self._runs})

    @property
    def is_done(self) -> bool:
        """Whether nothing is left."""
        return self._offset >= self._record.stat().st_size

    def _bring(self, run: str, rows: list[dict[str, Any]]) -> None:
        from mlflow.entities import Metric, RunTag  # noqa: PLC0415

        metrics: list[Any] = []
        for row in rows:
            match row["kind"]:
                case "begin":
                    self._begin(run, row)
                case "metrics":
                    metrics += [
                        Metric(name, float(value), row["at_ms"], int(row["step"]))
                        for name, value in row["values"].items()
                    ]
        if run not in self._runs:
            log.warning("run %s has no beginning in %s: left out", run, self._record)
            return
        mine = self._runs[run]
        for chunk in _chunks(metrics, MAX_METRICS):
            self._client.log_batch(mine, metrics=chunk)
        for row in rows:
            match row["kind"]:
                case "tags":
                    tags = [RunTag(name, text) for name, text in row["values"].items()]
                    self._client.log_batch(mine, tags=tags)
                case "file":
                    self._keep(mine, Path(row["path"]), row["folder"] or None)
                case "end":
                    self._client.set_terminated(mine, row["status"], row["at_ms"])

    def _keep(self, run: str, path: Path, folder: str | None) -> None:
        if path.is_dir():
            self._client.log_artifacts(run, str(path), folder)
        elif path.is_file():
            self._client.log_artifact(run, str(path), folder)
        else:
            log.warning("%s is gone; the run is kept without it", path)

    def _begin(self, run: str, row: Mapping[str, Any]) -> None:
        from mlflow.entities import Param  # noqa: PLC0415

        experiment = self._experiment(row["experiment"])
        tags = dict(row["tags"])
        if row["parent"]:
            tags["mlflow.parentRunId"] = self._find_or_make(
                experiment, row["parent"], row["at_ms"], row["parent"], {}
            )
        mine = self._find_or_make(experiment, run, row["at_ms"], row["name"], tags)
        for chunk in _chunks(list(row["params"].items()), MAX_PARAMS):
            self._client.log_batch(mine, params=[Param(*pair) for pair in chunk])

    def _experiment(self, name: str) -> str:
        known = self._client.get_experiment_by_name(name)
        if known is not None:
            return str(known.experiment_id)
        return str(self._client.create_experiment(name, artifact_location=self._artifacts))

    def _find_or_make(
        self, experiment: str, run: str, at_ms: int, name: str, tags: Mapping[str, str]
    ) -> str:
        """A begin that was cut off half-way does not make a second run."""
        if run not in self._runs:
            wanted = f"tags.`{RUN_TAG}` = '{''.join(c for c in run if c.isalnum() or c in ':_-.')}'"
            found = self._client.search_runs([experiment], wanted, max_results=1)
            if found:
                self._runs[run] = found[0].info.run_id
            else:
                made = self._client.create_run(
                    experiment, at_ms, {**tags, RUN_TAG: run}, run_name=name
                )
                self._runs[run] = made.info.run_id
        return self._runs[run]


def connect(uri: str) -> "MlflowClient":
    """Returns a client that keeps quiet."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking import MlflowClient  # noqa: PLC0415

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=uri)


def artifact_location(uri: str) -> str | None:
    """Where files are kept of a local database: beside it, not where the process was started."""
    path = uri.removeprefix("sqlite:///")
    if path == uri:
        return None
    return (Path(path).absolute().parent / "mlartifacts").as_uri()


def deliver(record: Path, uri: str) -> int:
    """Brings what is left of a record; returns how many rows.

    Raises:
        Exception: Whatever MLflow or the network raises; what was brought is noted.
    """
    with _alone(record):
        delivery = Delivery(record, connect(uri), artifact_location(uri))
        delivery.bring()
        return delivery.delivered


def follow(record: Path, uri: str) -> None:
    """Brings rows as they come, until standard input ends; then the rest, once.

    Raises:
        Exception: The last attempt failed.
    """
    pause_s = PAUSE_S
    delivery = None
    is_over = False
    with _alone(record):
        while True:
            try:
                if delivery is None:
                    delivery = Delivery(record, connect(uri), artifact_location(uri))
                delivery.bring()
                pause_s = PAUSE_S
                if is_over:
                    return
            except Exception as error:
                if is_over:
                    raise
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                log.warning("not brought: %s", " ".join(str(error).split())[:200])
            is_over = bool(select.select([sys.stdin], [], [], pause_s)[0])


def _by_run(record: Path, offset: int) -> Iterator[tuple[str, list[tuple[dict[str, Any], int]]]]:
    """Yields rows that follow each other and are of one run, not too many at once."""
    gathered: list[tuple[dict[str, Any], int]] = []
    for row, end in read_rows(record, offset):
        if gathered and (row["run"] != gathered[0][0]["run"] or len(gathered) >= MAX_METRICS):
            yield gathered[0][0]["run"], gathered
            gathered = []
        gathered.append((row, end))
    if gathered:
        yield gathered[0][0]["run"], gathered


def _chunks(values: list[Any], most: int) -> Iterator[list[Any]]:
    for start in range(0, len(values), most):
        yield values[start : start + most]


def _read_state(path: Path) -> tuple[int, dict[str, str]]:
    try:
        state = json.loads(path.read_text())
        return int(state["offset"]), {str(k): str(v) for k, v in state["runs"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0, {}  # from the beginning: what is brought twice is kept once


@contextmanager
def _alone(record: Path) -> Iterator[None]:
    """One process at a time brings a record."""
    with record.with_name(STATE + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Follows a record, for `tracker`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("record", type=Path)
    parser.add_argument("uri")
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s")
    os.nice(10)
    started = time.monotonic()
    try:
        follow(arguments.record, arguments.uri)
    except Exception as error:  # whatever a database, a server or a network can raise
        log.warning("gave up after %.0f s: %s", time.monotonic() - started, error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
