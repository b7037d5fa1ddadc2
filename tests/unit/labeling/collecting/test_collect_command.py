"""`beltmark-label collect`: what it takes, what it refuses, what it says."""

from pathlib import Path

import cv2
import pytest
from collected import NOON, add, blurred, coded, collection_at, scene, session

from beltmark.datasets.opening import read_dataset
from labeling.cli import main

STATION = """
format_version = 1
[station]
name = "line-1"
release = "release"
data = "data"
[camera]
source = "photos"
[zone]
rect_xyxy_px = [10, 20, 90.5, 80]
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in (1, 2):
        (folder / f"{seed}.jpg").write_bytes(coded(scene(seed)))
    (folder / "3.jpg").write_bytes(coded(scene(1)))
    (folder / "4.jpg").write_bytes(coded(blurred(scene(5))))
    (tmp_path / "station.toml").write_text(STATION)
    return folder


def collect(*arguments: object) -> int:
    return main(["collect", *map(str, arguments)])


def test_a_folder_is_taken_and_all_that_was_left_out_is_told(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = collect(
        tmp_path / "c", "--from", photos, "--whole-picture", "--class-name", "cup",
        "--keep-days", 36
    )  # fmt: skip

    told = capsys.readouterr().out
    assert code == 0
    assert "2 new pictures" in told
    assert "left out 1 blurred, 1 nearly the same as another" in told
    assert told.endswith("2 pictures in 1 sessions: 2 cup\n")
    assert [image.class_index for image in read_dataset(tmp_path / "c").images] == [0, 0]


def test_the_zone_is_the_station_s(tmp_path: Path, photos: Path) -> None:
    station = tmp_path / "station.toml"

    assert collect(tmp_path / "c", "--from", photos, "--station", station) == 0

    sizes = {(image.width_px, image.height_px) for image in read_dataset(tmp_path / "c").images}
    assert sizes == {(81, 60)}


def test_a_zone_is_left_top_width_height(tmp_path: Path, photos: Path) -> None:
    assert collect(tmp_path / "c", "--from", photos, "--zone", "10,20,80,60") == 0

    image = read_dataset(tmp_path / "c").images[0]
    kept = cv2.imread(str(image.path)).astype(int)
    assert abs(kept - cv2.imread(str(photos / "1.jpg"))[20:80, 10:90]).mean() < 4


def test_each_start_removes_what_is_past_its_day_and_says_so(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with collection_at(tmp_path / "c") as collection:
        add(collection, session("old", delete_after="2020-01-01"), 1)
        add(collection, session("new", delete_after="9999-01-01"), 2)

    assert collect(tmp_path / "c", "--forget") == 0

    assert "removed session old: 1 pictures, to be kept until 2020-01-01" in capsys.readouterr().out
    assert [image.scene for image in read_dataset(tmp_path / "c").images] == ["new"]
    assert NOON.year == 2026


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "it is not said from where"),
        (["--from", "{photos}"], "it is not said what is to be kept"),
        (["--from", "{photos}", "--whole-picture", "--zone", "0,0,9,9"], "is said twice"),
        (["--from", "{photos}", "--whole-picture", "--forget"], "only one way"),
        (["--from", "/no/such", "--whole-picture"], "no such file or folder"),
        (["--from", "{photos}", "--whole-picture", "--class-name", "a", "--class-name", "b"],
         "of one class"),
        (["--from", "{photos}", "--whole-picture", "--class-name", "can",
          "--classes", "{photos}/../classes.txt"], "'can' is no class of it (known: cup, tube)"),
        (["--from", "{photos}/..", "--whole-picture"], "lies in what is collected"),
        (["--site", "http://127.0.0.1:9"], "a site has a token"),
        (["--station", "{photos}/../station.toml"], "there is no class to collect"),
        (["--station", "{photos}/../no.toml", "--class-name", "cup"], "no such file"),
        (["--station", "{photos}/../station.toml", "--class-name", "cup", "--listen", "x"],
         "no HOST:PORT"),
        (["--forget"], "no such folder"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_a_line_and_nothing_is_made(
    tmp_path: Path,
    photos: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    (tmp_path / "classes.txt").write_text("cup\ntube\n")

    code = collect(tmp_path / "c", *(each.format(photos=photos) for each in arguments))

    assert code == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "c").exists()


def test_the_station_file_may_be_completed_by_the_environment(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELTMARK_EDGE__ZONE__RECT_XYXY_PX", "[0, 0, 50, 40]")

    assert collect(tmp_path / "c", "--from", photos, "--station", tmp_path / "station.toml") == 0

    assert read_dataset(tmp_path / "c").images[0].width_px == 50
