from pathlib import Path

import pytest

from training.tracking.record import Recorder, curves, first_begin, read_rows
from training.tracking.tracker import flat, thinned, tracked


def test_rows_come_back_and_half_a_row_waits(tmp_path: Path) -> None:
    path = tmp_path / "tracking.jsonl"
    recorder = Recorder(path)
    recorder.begin("a", experiment="e", params={"x": 1}, tags={"t": "u"})
    recorder.metrics(1, {"loss": 0.5})
    recorder.end("FINISHED")
    rows = list(read_rows(path))
    assert [row["kind"] for row, _ in rows] == ["begin", "metrics", "end"]
    assert rows[-1][1] == path.stat().st_size
    with path.open("a") as file:
        file.write('{"run": "x", "kind": "met')
    assert len(list(read_rows(path))) == 3
    assert [row["kind"] for row, _ in read_rows(path, rows[0][1])] == ["metrics", "end"]
    with path.open("a") as file:
        file.write("\nnonsense\n" + '{"run": "x", "kind": "end"}\n')
    assert len(list(read_rows(path))) == 4


def test_a_run_that_goes_on_belongs_to_the_first_and_has_its_curves(tmp_path: Path) -> None:
    path = tmp_path / "tracking.jsonl"
    for step in (1, 2):
        recorder = Recorder(path)
        recorder.begin("a", experiment="e", params={}, tags={})
        recorder.metrics(1, {"loss": 5.0})
        recorder.metrics(step, {"loss": float(step)})
        recorder.end("KILLED")
    begin = first_begin(path)
    assert begin is not None
    assert begin["run"] == next(read_rows(path))[0]["run"]
    assert curves(path) == {"loss": {1.0: 5.0, 2.0: 2.0}}


def test_switched_off_it_leaves_no_file(tmp_path: Path) -> None:
    with tracked(tmp_path, "a", enabled=False, experiment="e", params={}, tags={}) as tracker:
        tracker.metrics(1, {"loss_a": 1.0, "other": 2.0})
        tracker.file(tmp_path)
        tracker.tags({})
        assert tracker.curves("loss_") == {"a": [(1, 1.0)]}
    assert not list(tmp_path.iterdir())


def test_settings_are_flat_and_curves_thin() -> None:
    assert flat({"a": {"b": 1, "c": [2]}, "d": None}) == {"a.b": 1, "a.c": [2], "d": None}
    points = thinned([(float(step), 1.0) for step in range(1000)])
    assert len(points) <= 300
    assert points[-1] == (999.0, pytest.approx(1.0))
