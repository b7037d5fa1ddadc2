"""`beltmark-edge explain` after a real run: the words, the rule, the picture."""

import shutil
import sqlite3
from pathlib import Path

import cv2
import pytest
from blob_station import BLUE, RED, pass_by, write_release, write_station

from edge_agent.cli import main
from edge_agent.printing.reading import read_items


@pytest.fixture
def station(tmp_path: Path) -> Path:
    write_release(tmp_path / "release")
    (tmp_path / "frames").mkdir()
    for number, image in enumerate(pass_by([RED, BLUE])):
        cv2.imwrite(str(tmp_path / f"frames/{number:03d}.png"), image)
    path = write_station(tmp_path, "frames")
    assert main(["run", str(path), "--quiet"]) == 0
    return path


def test_an_item_is_explained(
    station: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed, reviewed = read_items(tmp_path / "data/journal.sqlite")
    out = tmp_path / "out.png"
    assert main(["explain", str(station), printed.item_id[:6], "--out", str(out)]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert "1 carton               0.95 ################### (needed: 0.60)" in told.out
    assert "several_products           ok" in told.out
    assert "this one spoke" not in told.out
    assert "label printed" in told.out
    whole = cv2.imread(str(out))
    assert whole is not None
    assert whole.shape == (360, 1080, 3)

    assert main(["explain", str(station), "last"]) == 0
    told = capsys.readouterr()
    assert reviewed.item_id in told.out
    assert "none_of_these              this one spoke" in told.out
    assert "frames_disagree            not asked" in told.out

    # What is gone by then is said.
    shutil.rmtree(tmp_path / "release")
    shutil.rmtree(tmp_path / "data/items")
    connection = sqlite3.connect(tmp_path / "data/journal.sqlite", isolation_level=None)
    connection.execute("UPDATE items SET evidence = NULL")
    connection.close()
    assert main(["explain", str(station), printed.item_id, "--out", str(out)]) == 0
    told = capsys.readouterr()
    assert "frames, scores and limits: not recorded" in told.out
    assert "release blob-1 is not on this station any more" in told.err
    assert "no picture of the item is kept" in told.err


def test_an_item_that_is_not_there_is_one_line(
    station: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(station), "zz"]) == 2
    assert "no item zz (`beltmark-edge journal` lists the items)" in capsys.readouterr().err
