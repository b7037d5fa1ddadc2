"""`beltmark-train data split` and `data preview`, as a user types them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.cli import main

CONFIG = """
name = "small"
data = {{ annotations = "{annotations}", split = "{folder}/split.json" }}
input = {{ width_px = 96, height_px = 64 }}
training = {{ steps = 10 }}
augment = {{ preset = "light", mosaic_share = 0.5, paste_share = 0.5 }}
"""


@pytest.fixture
def annotations(tmp_path: Path) -> Path:
    images, boxes = [], []
    for index in range(8):
        picture = np.full((48, 64, 3), 40, np.uint8)
        cv2.rectangle(picture, (20, 12), (40, 32), (40, 200, 230), cv2.FILLED)
        cv2.imwrite(str(tmp_path / f"{index}.png"), picture)
        image = {"id": index, "file_name": f"{index}.png", "width": 64, "height": 48}
        images.append(image | {"scene": index // 2})
        box = {"id": index, "image_id": index, "category_id": 1, "bbox": [20, 12, 21, 21]}
        boxes.append(box)
    path = tmp_path / "annotations.json"
    categories = [{"id": 1, "name": "köfte"}]
    document = {"categories": categories, "images": images, "annotations": boxes}
    path.write_text(json.dumps(document))
    return path


def test_a_split_is_drawn_told_and_fixed(
    annotations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "split.json", tmp_path / "later.json"
    command = ["data", "split", str(annotations), "--shares", "0.5,0.25,0.25"]
    assert main([*command, "--seed", "3", "--out", str(first)]) == 0
    told = capsys.readouterr().out
    assert "train         0.500       2      4 (0.500)        4" in told
    assert main([*command, "--fixed", str(first), "--out", str(second)]) == 0
    parts = [json.loads(path.read_text())["parts"] for path in (first, second)]
    assert parts[0] == parts[1]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--by", "session"], "no image tells its session (group by one of scene, sequence)"),
        (["--by", "time"], "no image tells its captured_at"),
        (["--shares", "0.5,0.4"], "make no split"),
        (["--folds", "5"], "only 4 groups by scene and item, too few for 5 parts"),
        (["--folds", "2", "--shares", "0.5,0.5"], "give one of them"),
        (["--fixed", "nowhere.json"], "nowhere.json: no such file"),
    ],
)
def test_a_split_that_cannot_be_is_one_line(
    annotations: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    told: str,
) -> None:
    out = tmp_path / "split.json"
    assert main(["data", "split", str(annotations), *more, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.splitlines()) == 1
    assert not out.exists()


def test_a_sheet_shows_what_training_will_see(
    annotations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["data", "split", str(annotations), "--out", str(tmp_path / "split.json")])
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(annotations=annotations, folder=tmp_path))
    sheets = []
    for source, name in ((annotations, "a.png"), (config, "b.png"), (annotations, "c.png")):
        out = tmp_path / name
        preset = [] if source == config else ["--pipeline", "light"]
        command = ["data", "preview", str(source), *preset, "--count", "18", "--out", str(out)]
        assert main(command) == 0
        sheets.append(cv2.imread(str(out)))
    assert "red " in capsys.readouterr().out
    sheet, with_training, again = sheets
    assert sheet is not None
    assert with_training is not None
    assert np.array_equal(sheet, again)
    # Nine columns: the original, four variants, each of four transforms; two images.
    assert sheet.shape[1] == with_training.shape[1] == 9 * 232
    assert with_training.shape[0] > sheet.shape[0] > 2 * 232
    assert np.array_equal(with_training[: sheet.shape[0]], sheet)


def test_a_sheet_that_cannot_be_is_one_line(
    annotations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for more, told in (
        (["--out", str(tmp_path / "sheet.gif")], "end it in .jpg or .png"),
        (["--pipeline", "much", "--out", str(tmp_path / "a.jpg")], "no preset 'much'"),
    ):
        assert main(["data", "preview", str(annotations), *more]) == 2
        assert told in capsys.readouterr().err
