"""`beltmark-train data show`: what it tells, and what it refuses in one line."""

import json
from pathlib import Path

import pytest
from label_studio_tasks import write_dataset
from pictures import write_picture

from training.cli import main


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / name)
    (tmp_path / "train.csv").write_text("file,class,shelf\na.png,cup,\x1b[31m\nb.png,,2\n")
    return tmp_path / "train.csv"


def test_what_is_in_a_dataset(lists: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "show", str(lists)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:6] == [
        "format      csv",
        "images      2, 1 of them with nothing on it",
        "boxes       0, 0 of them cut at their image's border",
        "whole       1 images are of one class as a whole",
        "scenes      2",
        r"shelf       '\x1b[31m' 1, 2 1",
    ]
    assert lines[-1].split() == ["cup", "1", "0"]


def test_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "show", str(write_dataset(tmp_path)), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["format"], told["images"], told["boxes"], told["ignored_regions"]) == (
        "coco", 3, 3, 3,
    )  # fmt: skip
    assert told["classes"]["cup"] == {"images": 1, "boxes": 1}
    assert told["clipped_boxes"] == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.csv"], "none.csv: no such file or folder"),
        (["train.csv", "--format", "x"], "'x' is no format"),
        (["train.csv", "--class-column", "product"], "no column 'product' or its _id"),
        (["train.csv", "--format", "yolo"], "not valid YAML"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    arguments: list[str],
    told: str,
    lists: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(lists.parent)
    assert main(["data", "show", *arguments]) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert (printed.out, printed.err.count("\n")) == ("", 1)
