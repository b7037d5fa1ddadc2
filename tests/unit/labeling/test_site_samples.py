"""Samples become tasks with the champion's box in them; again and again without harm."""

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.importing import ImportPlan, to_coco
from beltmark.datasets.label_studio.tasks import read_tasks
from labeling.site import ListedSample, SampleGone
from labeling.site_samples import Collected, collect

DIGEST = "0" * 64


def jpeg(width_px: int = 40, height_px: int = 20, value: int = 90) -> bytes:
    encoded = cv2.imencode(".jpg", np.full((height_px, width_px, 3), value, np.uint8))[1]
    return bytes(encoded)


def listed(sample_id: str, content: bytes, device: str = "belt-1", **changes: Any) -> ListedSample:
    sample = {
        "sample_id": sample_id, "item_id": f"i-{sample_id}", "captured_at": 1_790_000_000.5,
        "outcome": "REVIEW", "reason": "not sure <b>", "width_px": 40, "height_px": 20,
        "box_xyxy_px": [10, 5, 30, 15], "release": "r7", "package_sha256": DIGEST,
        "candidates": [{"class_name": "cup", "probability": 0.61},
                       {"class_name": "tube", "probability": 0.2}],
    } | changes  # fmt: skip
    return ListedSample.model_validate(
        {"device": device, "sha256": sha256_of(content), "sample": sample}
    )


def png_header(width_px: int, height_px: int) -> bytes:
    """The first bytes of a picture that claims to be this large."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + crc


class FakeSite:
    """Has samples and counts what is asked of it."""

    def __init__(self, *samples: tuple[ListedSample, bytes | None]) -> None:
        self.stored = list(samples)
        self.asked: list[str] = []

    def samples(self, limit: int) -> list[ListedSample]:
        return [sample for sample, _ in self.stored[:limit]]

    def image(self, device: str, sample_id: str) -> bytes:
        self.asked.append(f"{device}/{sample_id}")
        for sample, content in self.stored:
            if (sample.device, sample.sample.sample_id) == (device, sample_id) and content:
                return content
        raise SampleGone


def tasks_of(collected: Collected) -> list[dict[str, Any]]:
    return json.loads(collected.tasks_path.read_text())  # type: ignore[no-any-return]


def test_a_sample_is_a_task_with_what_the_station_thought(tmp_path: Path) -> None:
    content = jpeg()
    done = collect(FakeSite((listed("s1", content), content)), tmp_path, 10, "/files/?d=")
    assert (done.tasks, done.fetched, done.problems) == (1, 1, [])
    assert (tmp_path / "images/belt-1/s1.jpg").read_bytes() == content
    (task,) = tasks_of(done)
    assert task["data"]["image"] == "/files/?d=images/belt-1/s1.jpg"
    assert task["data"]["reason"] == "not sure <b>"
    assert task["data"]["captured_at"] == "2026-09-21T14:13:20.500+00:00"
    (prediction,) = task["predictions"]
    (region,) = prediction["result"]
    assert (prediction["model_version"], prediction["score"]) == ("r7", 0.61)
    assert region["value"] == {
        "x": 25, "y": 25, "width": 50, "height": 50, "rotation": 0, "rectanglelabels": ["cup"],
    }  # fmt: skip


def test_a_second_time_fetches_only_what_is_new(tmp_path: Path) -> None:
    content, other = jpeg(), jpeg(value=10)
    site = FakeSite((listed("s1", content), content))
    collect(site, tmp_path, 10)
    site.stored.insert(0, (listed("s2", other, captured_at=1.0), other))
    done = collect(site, tmp_path, 1)  # the first one is not among the newest any more
    assert site.asked == ["belt-1/s1", "belt-1/s2"]
    assert (done.tasks, done.fetched) == (2, 1)
    before = done.tasks_path.read_bytes()
    assert collect(site, tmp_path, 10).fetched == 0
    assert done.tasks_path.read_bytes() == before
    assert [task["data"]["sample_id"] for task in tasks_of(done)] == ["s2", "s1"]  # by their time


def test_a_collection_that_broke_off_goes_on(tmp_path: Path) -> None:
    content = jpeg()

    class Breaks(FakeSite):
        def image(self, device: str, sample_id: str) -> bytes:
            if sample_id == "s2":
                raise InputError("broke off", "try again", file="https://site")
            return super().image(device, sample_id)

    samples = [(listed(f"s{k}", content), content) for k in (1, 2, 3)]
    with pytest.raises(InputError, match="broke off"):
        collect(Breaks(*samples), tmp_path, 10)
    assert not (tmp_path / "tasks.json").exists()
    (tmp_path / "images/belt-1/s2.jpg").write_bytes(b"half")  # as if it ended before the note
    site = FakeSite(*samples)
    assert collect(site, tmp_path, 10).tasks == 3
    assert site.asked == ["belt-1/s2", "belt-1/s3"]
    assert (tmp_path / "images/belt-1/s2.jpg").read_bytes() == content


def test_a_bad_sample_does_not_hold_up_the_others(tmp_path: Path) -> None:
    content, text, huge = jpeg(), b"no picture at all", png_header(60_000, 60_000)
    done = collect(
        FakeSite(
            (listed("gone", content), None),
            (listed("other", content), jpeg(value=0)),
            (listed("text", text), text),
            (listed("huge", huge), huge),
            (listed("small", content, width_px=41), content),
            (listed("good", content), content),
        ),
        tmp_path,
        10,
    )
    assert (done.tasks, done.fetched) == (1, 1)
    assert [problem.partition(":")[0] for problem in done.problems] == [
        "belt-1/gone", "belt-1/other", "belt-1/text", "belt-1/huge", "belt-1/small",
    ]  # fmt: skip
    assert "40x20 pixels, but 41x20 was told" in done.problems[4]
    assert [path.name for path in (tmp_path / "images").rglob("*.jpg")] == ["good.jpg"]


@pytest.mark.parametrize(
    "changes",
    [{"box_xyxy_px": None}, {"candidates": []}, {"box_xyxy_px": [50, 5, 60, 15]}],
)
def test_what_the_station_could_not_say_is_not_predicted(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    content = jpeg()
    done = collect(FakeSite((listed("s1", content, **changes), content)), tmp_path, 10)
    assert tasks_of(done)[0]["predictions"] == []


def test_a_box_that_leaves_the_picture_is_cut(tmp_path: Path) -> None:
    content = jpeg()
    sample = listed("s1", content, box_xyxy_px=[-10, 5, 30, 25])
    (task,) = tasks_of(collect(FakeSite((sample, content)), tmp_path, 10))
    value = task["predictions"][0]["result"][0]["value"]
    assert [value[key] for key in ("x", "y", "width", "height")] == [0, 25, 75, 75]


def test_what_people_make_of_samples_is_a_dataset(tmp_path: Path) -> None:
    content = jpeg()
    tasks = tasks_of(collect(FakeSite((listed("s1", content), content)), tmp_path, 10))
    export = tmp_path / "export.json"
    for task in tasks:
        task["annotations"] = [{"result": task["predictions"][0]["result"]}]
    export.write_text(json.dumps(tasks))
    document = to_coco(read_tasks(export), ImportPlan(export, tmp_path)).document
    assert document["images"] == [
        {"id": 1, "file_name": "images/belt-1/s1.jpg", "width": 40, "height": 20,
         "scene": "belt-1 2026-09-21", "sequence": "belt-1 i-s1"},
    ]  # fmt: skip
    assert document["annotations"][0]["bbox"] == [10, 5, 20, 10]


def test_no_sample_is_an_empty_list(tmp_path: Path) -> None:
    assert tasks_of(collect(FakeSite(), tmp_path / "new", 10)) == []
