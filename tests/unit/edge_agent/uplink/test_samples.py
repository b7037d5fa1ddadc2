"""Samples are kept whole until the server has them: bounded, over restarts, whatever happens."""

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from beltmark.contract.sample import SampleUpload
from beltmark.contract.wire import decode
from edge_agent.station.decision import Decision
from edge_agent.station.geometry import BoxXyxyPx
from edge_agent.station.review import ReviewView
from edge_agent.uplink.fleet_http import Answer, Fate
from edge_agent.uplink.sample_upload import SampleUploader
from edge_agent.uplink.samples import SampleFolder, sample_upload

PATIENCE_S = 30.0


def view(
    item_id: str = "i1",
    box: BoxXyxyPx | None = (10.0, 5.0, 60.0, 40.0),
    reason: str = "looks like a can with 0.40",
    zone: np.ndarray | None = None,
) -> ReviewView:
    zone = np.full((48, 64, 3), (30, 60, 200), np.uint8) if zone is None else zone
    decision = Decision("REVIEW", "unsure", reason, "can", 0.4)
    return ReviewView(item_id, 1_000.0, decision, zone, box, "r1", "a" * 64)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def keep(folder: Path, *views: ReviewView, **bounds: int) -> SampleFolder:
    samples = SampleFolder(folder, **bounds)
    samples.start()
    for one in views:
        before = (samples.waiting, samples.dropped)
        samples.keep(one)
        until(lambda before=before: (samples.waiting, samples.dropped) != before)
    samples.stop()
    return samples


class Door:
    """A server that gives the answers it was told to, then takes everything."""

    def __init__(self, *fates: Fate) -> None:
        self.fates, self.got = list(fates), list[str]()
        self.paths = set[str]()

    def send(self, method: str, path: str, body: bytes, media: str) -> Answer:
        assert (method, media) == ("POST", "application/json")
        self.paths.add(path)
        self.got.append(decode(body, SampleUpload, limit=8_000_000).sample.item_id)
        return Answer(self.fates.pop(0) if self.fates else "taken", "because")


def test_an_upload_holds_the_zone_and_nothing_else():
    upload = sample_upload(view())
    sample, jpeg = upload.sample, bytes(upload.jpeg)
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (48, 64, 3)
    assert np.abs(picture.astype(int) - view().zone_bgr).max() <= 4
    assert (sample.width_px, sample.height_px) == (64, 48)
    assert sample.box_xyxy_px == (10.0, 5.0, 60.0, 40.0)
    assert [(c.class_name, c.probability) for c in sample.candidates] == [("can", 0.4)]
    assert (sample.outcome, sample.release, sample.captured_at) == ("REVIEW", "r1", 1_000.0)
    assert b"Exif" not in jpeg


def test_what_a_station_says_is_made_sendable():
    upload = sample_upload(view(box=(-1e9, 0, 1e9, 9), reason="a\0b\udc80" + "x" * 9_000))
    assert upload.sample.box_xyxy_px == (-100_000.0, 0.0, 100_000.0, 9.0)
    assert len(upload.sample.reason) == 2_000
    assert "\0" not in upload.sample.reason


def test_a_zone_that_hardly_compresses_loses_quality_until_it_fits():
    noise = np.random.default_rng(1).integers(0, 256, (1_200, 1_600, 3), np.uint8)
    assert 1_000_000 < len(sample_upload(view(zone=noise)).jpeg) <= 2 * 1024 * 1024


def test_samples_wait_over_a_restart_and_go_in_order(tmp_path: Path):
    keep(tmp_path, view("i1"), view("i2"))
    (tmp_path / ".000000000003-i3.json.x1y2").write_text("half of it")
    (tmp_path / "notes.txt").write_text("somebody's")
    samples = keep(tmp_path, view("i0"))
    assert samples.waiting == 3
    door = Door("later", "taken", "refused")
    uploader = SampleUploader(samples, door, "belt-1")
    assert not uploader.send_next()
    assert uploader.health.state == "degraded"
    while uploader.send_next():
        pass
    assert door.got == ["i1", "i1", "i2", "i0"]
    assert door.paths == {"/api/v1/devices/belt-1/samples"}
    assert uploader.health.state == "ok"
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("bounds", [{"max_samples": 3}, {"max_bytes": 5_000}])
def test_the_oldest_make_room(tmp_path: Path, bounds: dict[str, int]):
    keep(tmp_path, view("old"), **bounds)
    samples = keep(tmp_path, *(view(f"i{number}") for number in range(8)), **bounds)
    files = sorted(tmp_path.iterdir())
    assert samples.dropped == 9 - len(files) > 0
    assert [path.name[13:] for path in files] == [
        f"i{number}.json" for number in range(8 - len(files), 8)
    ]
    assert sum(path.stat().st_size for path in files) <= bounds.get("max_bytes", 1_000_000)
    assert samples.waiting == len(files)


def test_a_folder_that_cannot_be_written_is_told_and_mends(tmp_path: Path):
    blocker = tmp_path / "samples"
    samples = SampleFolder(blocker)
    blocker.write_text("in the way")
    samples.start()
    uploader = SampleUploader(samples, Door(), "belt-1")
    samples.keep(view("i1"))
    until(lambda: uploader.health.state == "degraded")
    assert "cannot be kept" in uploader.health.told
    blocker.unlink()
    samples.keep(view("i2"))
    until(lambda: uploader.health.state == "ok")
    assert "dropped" in uploader.health.told
    samples.stop()
    assert (samples.waiting, samples.dropped) == (1, 1)


def test_a_view_that_cannot_become_a_sample_holds_up_no_other(tmp_path: Path):
    bad_name, empty = view("no/name"), view(zone=np.zeros((0, 9, 3), np.uint8))
    samples = keep(tmp_path, bad_name, empty, view("i3"))
    assert (samples.waiting, samples.dropped, samples.problem) == (1, 2, None)


def test_a_file_that_was_taken_away_is_passed_over(tmp_path: Path):
    samples = keep(tmp_path, view("i1"), view("i2"))
    next(tmp_path.glob("*i1*")).unlink()
    door = Door()
    uploader = SampleUploader(samples, door, "belt-1")
    while uploader.send_next():
        pass
    assert door.got == ["i2"]


def test_the_threads_send_what_comes(tmp_path: Path):
    samples, door = SampleFolder(tmp_path), Door()
    uploader = SampleUploader(samples, door, "belt-1")
    samples.start()
    uploader.start()
    samples.keep(view("i1"))
    until(lambda: door.got == ["i1"] and samples.waiting == 0)
    samples.keep(view("i2"))
    until(lambda: door.got == ["i1", "i2"] and samples.waiting == 0)
    samples.stop()
    uploader.stop()
