"""`beltmark-train data check` as a user runs it, on small datasets with planted faults."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from beltmark.datasets.checks.checking import check
from beltmark.datasets.checks.memory import Memory
from beltmark.datasets.checks.tolerant import read_tolerantly
from bench.planted_faults import Amounts, measured, plant
from training.cli import main

EVIL = '<script>alert("x")</script>.png'


def write(folder: Path, *, names: tuple[str, ...] = ("a.png", "b.png", "c.png")) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(0)
    for name in names:
        cv2.imwrite(str(folder / "p.png"), chance.integers(0, 256, (90, 120, 3), np.uint8))
        (folder / "p.png").rename(folder / name)
    document = {
        "categories": [{"id": 1, "name": "<b>cup</b>"}],
        "images": [
            {"id": k, "file_name": name, "width": 120, "height": 90} for k, name in enumerate(names)
        ],
        "annotations": [
            {"id": k, "image_id": k, "category_id": 1, "bbox": [5, 5, 50, 40]}
            for k in range(len(names))
        ],
    }
    path = folder / "annotations.json"
    path.write_text(json.dumps(document))
    return path


def report(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return read


def test_a_sound_dataset_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "data")
    assert main(["data", "check", str(path), "--out", str(tmp_path / "out")]) == 0
    assert "few-samples" in capsys.readouterr().out
    assert report(tmp_path / "out")["counts"]["unreadable"] == 0


def test_faults_stop_a_run_and_a_later_one_tells_what_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "data", names=("a.png", "b.png", EVIL.replace("/", "_")))
    (tmp_path / "data" / "a.png").write_text("no image")
    split = tmp_path / "split.json"
    split.write_text(json.dumps({"train": ["a.png", "b.png"], "test": ["other.png"]}))
    out, later = tmp_path / "out", tmp_path / "later"
    arguments = ["data", "check", str(path), "--split", str(split)]
    assert main([*arguments, "--out", str(out)]) == 1
    assert main([*arguments, "--out", str(out), "--fail-on", "none"]) == 0
    assert main([*arguments, "--out", str(out), "--fail-on", "dark,part-unknown"]) == 1
    page = (out / "report.html").read_text()
    assert "<script" not in page
    assert "<b>cup" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    capsys.readouterr()

    cv2.imwrite(str(tmp_path / "data" / "a.png"), np.zeros((90, 120, 3), np.uint8))
    compared = [*arguments, "--out", str(later), "--compare", str(out / "report.json")]
    assert main(compared) == 0
    told = report(later)
    assert [finding["kind"] for finding in told["gone"]] == ["unreadable"]
    statuses = {finding["kind"]: finding["status"] for finding in told["findings"]}
    assert statuses["low-information"] == "new"
    assert statuses["part-unknown"] == "same"
    assert "1 gone" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["missing.json"], "missing.json"),
        (["{data}", "--split", "missing.json"], "missing.json"),
        (["{data}", "--split", "{data}"], "split"),
        (["{data}", "--compare", "{data}"], "no report"),
        (["{data}", "--fail-on", "wrong-class"], "--deep"),
        (["{data}", "--fail-on", "group-leak"], "--split"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    data = str(write(tmp_path / "data"))
    given = [argument.replace("{data}", data) for argument in arguments]
    assert main(["data", "check", *given, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out" / "report.json").exists()


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["data", "check", str(tmp_path), "--fail-on", "nonsense"])


def test_without_deep_no_network_is_loaded(tmp_path: Path) -> None:
    path = write(tmp_path / "data")
    code = (
        "import sys; from training.cli import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "assert not {'torch', 'sklearn', 'cleanvision'} & sys.modules.keys()"
    )
    given = ["data", "check", str(path), "--out", str(tmp_path / "out")]
    subprocess.run([sys.executable, "-c", code, *given], check=True)


@pytest.mark.xdist_group("shelf-checks")
def test_planted_copies_and_damaged_files_are_found(tmp_path: Path, shared_data: Path) -> None:
    source = slice_of(shared_data / "shelf", tmp_path / "slice", 90)
    planted, parts = plant(
        source, tmp_path / "planted", np.random.default_rng(7), Amounts(8, 4, 24, 6)
    )
    dataset, faults = read_tolerantly(tmp_path / "planted" / "annotations.json")
    with Memory(tmp_path / "memory.sqlite") as memory:
        checked = check(dataset, faults, parts, memory=memory, progress=lambda things, told: things)
    found = measured(planted, checked.findings)
    assert found["damaged recall"] == found["damaged precision"] == 1
    assert found["copies recall"] >= 0.9
    assert found["copies precision"] >= 0.9


def slice_of(shelf: Path, folder: Path, number: int) -> Path:
    """Writes an annotation file of evenly chosen images, beside copies of them."""
    document = json.loads((shelf / "annotations.json").read_text())
    step = len(document["images"]) // number
    document["images"] = document["images"][::step][:number]
    kept = {image["id"] for image in document["images"]}
    document["annotations"] = [row for row in document["annotations"] if row["image_id"] in kept]
    (folder / "images").mkdir(parents=True)
    for image in document["images"]:
        shutil.copyfile(shelf / image["file_name"], folder / image["file_name"])
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder / "annotations.json"
