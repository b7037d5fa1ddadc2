"""A run is tracked in MLflow's own database, whether the server is there or not."""

import logging
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from training.cli import main
from training.tracking.tracker import tracked

pytestmark = pytest.mark.xdist_group("mlflow")


@pytest.mark.long
def test_a_server_that_is_away_stops_nothing_and_gets_it_later(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "runs" / "a"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    report = tmp_path / "report.html"
    report.write_text("page")
    for name, status in (("train", None), ("again", KeyboardInterrupt)):
        folder.mkdir(parents=True, exist_ok=True)
        with caplog.at_level(logging.WARNING):
            try:
                with tracked(
                    folder, name, enabled=True, experiment="belt", params={"a": 1, "b": "x" * 9000},
                    tags={"beltmark.dataset_sha256": "1" * 64}, sweep="rates", wait_s=0.1,
                ) as tracker:  # fmt: skip
                    for step in range(1, 1201):
                        tracker.metrics(step, {"loss": 1 / step})
                    tracker.file(report)
                    tracker.file(tmp_path / "gone")
                    tracker.tags({"beltmark.package_sha256": "2" * 64})
                    if status is not None:
                        raise status
            except KeyboardInterrupt:
                pass
    assert len(caplog.records) == 2  # one word a run
    assert "beltmark-train track" in caplog.text

    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert main(["track", str(folder)]) == 0
    assert main(["track", str(folder)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[1].startswith("0 rows")
    with sqlite3.connect(tmp_path / "runs" / "mlflow.db") as database:
        runs = dict(database.execute("SELECT name, status FROM runs"))
        assert runs == {"sweep:rates": "RUNNING", "train": "FINISHED", "again": "KILLED"}
        (count,) = database.execute("SELECT count(*) FROM metrics WHERE key = 'loss'").fetchone()
        assert count == 2400
        parents = database.execute(
            "SELECT r.name, p.name FROM tags t JOIN runs r ON r.run_uuid = t.run_uuid "
            "JOIN runs p ON p.run_uuid = t.value WHERE t.key = 'mlflow.parentRunId'"
        )
        assert dict(parents) == {"train": "sweep:rates", "again": "train"}
        tags = database.execute("SELECT count(*) FROM tags WHERE key = 'beltmark.package_sha256'")
        assert tags.fetchone() == (2,)
    assert len(list((tmp_path / "runs" / "mlartifacts").rglob("report.html"))) == 2


def test_mlflow_is_not_loaded_by_the_commands_themselves() -> None:
    code = (
        "import sys, training.cli, training.tracking.tracker, training.tracking.delivery\n"
        "sys.exit('mlflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=os.environ.copy(), check=False)
    assert done.returncode == 0
