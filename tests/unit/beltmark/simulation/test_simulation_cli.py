import json
import socket
from pathlib import Path

import cv2
import pytest

from beltmark.simulation.cli import main


@pytest.mark.parametrize("ending", ["mp4", "avi"])
def test_video_is_readable_and_matches_its_truth(ending: str, tmp_path: Path) -> None:
    video = tmp_path / f"belt.{ending}"
    assert (
        main(["video", "--seed", "7", "--seconds", "1.5", "--fps", "10", "--out", str(video)]) == 0
    )
    truth = json.loads((tmp_path / "belt.json").read_text())
    capture = cv2.VideoCapture(str(video))
    count = 0
    while True:
        ok, image = capture.read()
        if not ok:
            break
        assert image.shape == (truth["height_px"], truth["width_px"], 3)
        count += 1
    assert count == len(truth["frames"]) == 15
    assert truth["fps"] == 10
    assert [frame["at_s"] for frame in truth["frames"][:3]] == [0.0, 0.1, 0.2]


def test_frames_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        out = str(tmp_path / name)
        assert main(["frames", "--seed", "7", "--seconds", "0.5", "--out", out]) == 0
    first = sorted((tmp_path / "a").iterdir())
    assert len(first) == 9  # 8 frames and the truth
    for file in first:
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_dataset_command_prints_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dataset", "--images", "2", "--seed", "1", "--out", str(tmp_path)]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert len(json.loads(path.read_text())["images"]) == 2


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["fly"],
        ["dataset", "--images", "0", "--seed", "1", "--out", "x"],
        ["dataset", "--images", "5", "--seed", "-1", "--out", "x"],
        ["dataset", "--images", "5", "--seed", "1", "--out", "x", "--classes", "teapot"],
        ["video", "--seed", "1", "--seconds", "nan", "--out", "x.mp4"],
        ["station", "--seed", "1"],
        ["station", "--seed", "1", "--truth", "t.json", "--camera-port", "70000"],
    ],
)
def test_bad_arguments_end_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "{folder}/belt.gif"], "belt.gif"),
        (["--out", "{folder}/missing/belt.mp4"], "belt.mp4"),
        (["--out", "{folder}/belt.mp4", "--catalogue", "{folder}/none.csv"], "none.csv"),
    ],
)
def test_bad_files_are_named_in_one_line(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [option.format(folder=tmp_path) for option in options]
    assert main(["video", "--seed", "1", "--seconds", "0.2", *filled]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1


def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    out = str(tmp_path / "file" / "set")
    assert main(["dataset", "--images", "1", "--seed", "1", "--out", out]) == 2
    assert "file" in capsys.readouterr().err


def test_a_taken_port_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        truth = str(tmp_path / "t.json")
        argv = ["station", "--seed", "1", "--seconds", "1", "--truth", truth]
        assert main([*argv, "--control-port", port]) == 2
    assert "in use" in capsys.readouterr().err
