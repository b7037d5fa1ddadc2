"""Large pictures are kept scaled down; nothing that happens to what is kept changes a sample."""

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import LabelledImage, LabelledObject
from training.data.checking import check_images
from training.data.cutouts import cut_out_all
from training.data.disk_cache import DiskCache
from training.data.pictures import load_picture
from training.data.samples import SampleStore


@pytest.fixture
def large(tmp_path: Path) -> LabelledImage:
    picture = np.random.default_rng(0).integers(0, 60, (120, 200, 3)).astype(np.uint8)
    cv2.rectangle(picture, (60, 40), (120, 80), (40, 200, 230), cv2.FILLED)
    path = tmp_path / "large.png"
    cv2.imwrite(str(path), picture)
    box = LabelledObject(0, (60.0, 40.0, 121.0, 81.0))
    return LabelledImage(path, 200, 120, "1", "1", ((0.0, 0.0, 20.0, 10.0),), (box,), 3)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_boxes_follow_the_scaled_picture(large: LabelledImage) -> None:
    sample = SampleStore([large], longest_px=100)[0]
    assert sample.image_bgr.shape == (60, 100, 3)
    assert sample.boxes_xyxy_px.tolist() == [[30, 20, 60.5, 40.5], [0, 0, 10, 5]]
    assert sample.class_index == 3
    assert SampleStore([large], longest_px=200)[0].image_bgr.shape == (120, 200, 3)
    bare = SampleStore([large], bare=True)[0]
    assert (len(bare.labels), bare.class_index) == (0, None)


@pytest.mark.parametrize("limit", [0, 10**9])
def test_what_is_kept_changes_nothing(large: LabelledImage, tmp_path: Path, limit: int) -> None:
    bare, scale = load_picture(large, 100, None)
    assert scale == 0.5
    cache = DiskCache(tmp_path / "cache", limit)
    for _ in range(2):
        picture, _ = load_picture(large, 100, cache)
        assert np.array_equal(picture, bare)
    assert len(files(tmp_path / "cache")) == (limit > 0)


def test_damage_and_change_are_noticed(large: LabelledImage, tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "cache", 10**9)
    expected, _ = load_picture(large, 100, cache)
    (kept,) = files(tmp_path / "cache")
    whole = kept.read_bytes()
    for damaged in (whole[:-40], b"", whole[:60] + b"\0" * (len(whole) - 60)):
        kept.write_bytes(damaged)
        assert np.array_equal(load_picture(large, 100, cache)[0], expected)
        assert kept.read_bytes() == whole
    cv2.imwrite(str(large.path), np.full((120, 200, 3), 9, np.uint8))
    assert load_picture(large, 100, cache)[0].max() < 20


def test_no_more_than_the_limit_is_kept(large: LabelledImage, tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "cache", 1000)
    for number in range(20):
        cache.put(f"{number:02d}00", b"x" * 96)
    assert sum(path.stat().st_size for path in files(tmp_path / "cache")) == 1000
    again = DiskCache(tmp_path / "cache", 1000)  # what is there counts
    again.put("ff00", b"x")
    assert again.get("ff00") is None
    assert again.get("0900") == b"x" * 96


def test_a_disk_that_cannot_be_written_costs_time_only(
    large: LabelledImage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file in the place of the folder")
    cache = DiskCache(tmp_path / "cache", 10**9)
    for _ in range(3):
        assert load_picture(large, 100, cache)[0].shape == (60, 100, 3)
    assert caplog.text.count("nothing more is kept") == 1


def test_images_are_looked_at_once(large: LabelledImage, tmp_path: Path) -> None:
    notes = tmp_path / "readable.txt"
    check_images([large], notes=notes)
    with notes.open("a") as file:
        file.write("0123")  # a crash tore the last line
    stamp = large.path.stat()
    large.path.write_bytes(b"\0" * stamp.st_size)
    os.utime(large.path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    check_images([large], notes=notes)  # same size and time: it is taken to be the same
    with pytest.raises(InputError, match="not a readable image"):
        check_images([large])
    with pytest.raises(InputError, match="no such file"):
        check_images([replace(large, path=tmp_path / "gone.png")], notes=notes)


def test_cutouts_are_taken_from_an_earlier_start(large: LabelledImage, tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "cache", 10**9)
    ((fresh,),) = cut_out_all(SampleStore([large], cache=cache))
    (kept,) = files(tmp_path / "cache")
    ((again,),) = cut_out_all(SampleStore([large], cache=cache))
    assert np.array_equal(fresh.alpha, again.alpha)
    assert np.array_equal(fresh.image_bgr, again.image_bgr)
    moved = replace(large, objects=(LabelledObject(1, (50.0, 40.0, 121.0, 81.0)),))
    ((other,),) = cut_out_all(SampleStore([moved], cache=cache))
    assert other.label == 1
    assert files(tmp_path / "cache") != [kept]
