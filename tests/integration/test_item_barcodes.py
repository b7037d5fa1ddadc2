"""Barcodes on passing items, read by a whole agent: they agree, contradict, stand for the shape."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from blob_station import BLUE, GREEN, RED, write_release, write_station
from coded_items import ean13, gs1_datamatrix, pass_coded
from numpy.typing import NDArray

from beltmark.contract.records import ItemMessage
from edge_agent.cli import main
from edge_agent.printing.reading import read_items

CARTON, TUBE = "9521234500018", "9521234500025"
Passing = list[tuple[tuple[int, int, int], NDArray[np.uint8] | None]]


def passed(folder: Path, items: Passing, number: int = 0, **sections: str) -> list[ItemMessage]:
    """Lets items pass an agent that reads barcodes; returns what it decided of them."""
    frames = folder / f"frames{number}"
    frames.mkdir()
    for index, image in enumerate(pass_coded(items)):
        cv2.imwrite(str(frames / f"{index:04d}.png"), image)
    station = write_station(folder, frames.name, **({"barcodes": "read = true"} | sections))
    before = len(read_items(folder / "data/journal.sqlite"))
    assert main(["run", str(station), "--quiet"]) == 0
    return read_items(folder / "data/journal.sqlite")[before:]


def rules(items: list[ItemMessage]) -> list[tuple[str, str | None, str | None]]:
    return [(item.outcome, item.rule, item.sku) for item in items]


def test_barcodes_agree_contradict_or_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_release(tmp_path / "release")
    lot = gs1_datamatrix(f"(01)0{CARTON}(10)LOT7")
    decided = passed(tmp_path, [(RED, ean13(CARTON)), (GREEN, ean13(CARTON)), (RED, lot)])
    assert rules(decided) == [
        ("PRINT", "sure", "CARTON-01"),
        ("REVIEW", "barcode_contradicts_shape", None),
        ("PRINT", "sure", "CARTON-01"),
    ]
    assert main(["explain", str(tmp_path / "station.toml"), decided[2].item_id]) == 0
    told = capsys.readouterr().out
    assert f"barcode                     Data Matrix 0{CARTON} (lot LOT7)" in told
    assert "what it is was told by shape" in told


def test_a_barcode_stands_for_a_shape_that_is_not_sure_where_the_policy_says_so(
    tmp_path: Path,
) -> None:
    release = write_release(tmp_path / "release")
    document = json.loads((release / "release.json").read_text())
    document["policy"] = {"threshold": 0.99}
    (release / "release.json").write_text(json.dumps(document))
    (unsure,) = passed(tmp_path, [(RED, ean13(CARTON))])
    assert (unsure.outcome, unsure.rule) == ("REVIEW", "unsure")
    document["policy"]["outranks"] = ["barcode", "shape"]
    (release / "release.json").write_text(json.dumps(document))
    (named,) = passed(tmp_path, [(RED, ean13(CARTON))], 1)
    assert (named.outcome, named.sku) == ("PRINT", "CARTON-01")


def test_an_item_that_bears_our_label_gets_no_second_one(tmp_path: Path) -> None:
    write_release(tmp_path / "release")
    (first,) = passed(tmp_path, [(RED, None)])
    assert first.outcome == "PRINT"
    label = gs1_datamatrix(f"(01){first.gtin}(21){first.serial}")
    foreign = gs1_datamatrix(f"(01){first.gtin}(21)MAKER-1")
    again, other = passed(tmp_path, [(RED, label), (RED, foreign)], 1)
    assert (again.outcome, again.rule) == ("REJECT", "already_labelled")
    assert again.print_state is None
    assert again.reason == f"bears a label already: Data Matrix {first.gtin}, serial {first.serial}"
    assert other.outcome == "PRINT"


def test_where_they_are_not_to_be_read_they_are_not(tmp_path: Path) -> None:
    write_release(tmp_path / "release")
    decided = passed(tmp_path, [(GREEN, ean13(CARTON))], barcodes="read = false")
    assert rules(decided) == [("PRINT", "sure", "TUBE-01")]
    assert rules(passed(tmp_path, [(BLUE, ean13(TUBE))], 1)) == [
        ("REVIEW", "barcode_contradicts_shape", None)
    ]


def test_a_station_that_would_be_looser_than_its_release_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_release(tmp_path / "release")
    station = write_station(tmp_path, "frames0", policy="threshold = 0.5")
    assert main(["run", str(station), "--quiet"]) == 2
    told = "policy.threshold: 0.5 is looser than the release's 0.6 (write 0.6 at least"
    assert told in capsys.readouterr().err
    assert main(["check", str(station)]) == 2
    assert told in capsys.readouterr().out
    (unsure,) = passed(tmp_path, [(RED, None)], policy="threshold = 0.99")
    assert unsure.reason == "looks like a carton with 0.95, below the 0.99 needed"
