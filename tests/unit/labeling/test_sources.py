import shutil
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from label_studio_tasks import write_dataset

from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.snapshots.adding import Addition, add
from beltmark.datasets.snapshots.manifest import Source as Origin
from beltmark.datasets.snapshots.store import Store
from labeling.site import ListedItem, ListedSample
from labeling.sources import DatasetSource, StationSource


def draw(path: Path, value: int = 0) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((20, 40, 3), value, np.uint8))
    return path.read_bytes()


def count(source: DatasetSource) -> int:
    return sum(len(supply.dataset.images) for supply in source.read())


def test_a_folder_is_read_anew_when_a_file_of_it_changes(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    draw(folder / "1.png")
    source = DatasetSource(folder)
    assert count(source) == count(source) == 1
    source.done()
    assert source.read() == []
    draw(folder / "2.png")
    assert count(source) == 2
    source.done()
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes() + b"x")
    assert count(source) == 2
    source.done()
    (folder / "2.png").unlink()
    assert count(source) == 1


def test_a_dataset_and_a_snapshot_too(tmp_path: Path) -> None:
    path = write_dataset(tmp_path / "d")
    source = DatasetSource(path)
    assert count(source) == 3
    source.done()
    assert source.read() == []
    path.write_text(path.read_text() + "\n")
    assert count(source) == 3

    store = Store.create(tmp_path / "store")
    origin = Origin(path="d", format="coco")
    terms = Addition(origin, "jan", datetime(2026, 11, 30, tzinfo=UTC), name="goods")
    add(store, read_dataset(path), terms)
    source = DatasetSource(tmp_path / "store@goods")
    assert count(source) == 3
    source.done()
    assert source.read() == []


def test_what_is_not_there_is_told_at_once_and_what_goes_later(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder or dataset"):
        DatasetSource(tmp_path / "none")
    with pytest.raises(InputError, match="no such folder or dataset"):
        DatasetSource(tmp_path / "none@name")
    draw(tmp_path / "images" / "1.png")
    source = DatasetSource(tmp_path / "images")
    assert count(source) == 1
    source.done()
    shutil.rmtree(tmp_path / "images")
    with pytest.raises(InputError):
        source.read()


class FakeSite:
    """Has samples of two stations, and items that people corrected."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stored: list[ListedSample] = []
        self.content: dict[str, bytes] = {}
        self.hand: dict[str, set[str]] = {}
        self.asked: list[str] = []

    def upload(self, device: str, name: str, at: float) -> None:
        content = draw(self.folder / f"{device}-{name}.jpg", len(self.stored))
        sample = {
            "sample_id": name, "item_id": name, "captured_at": at, "outcome": "REVIEW",
            "reason": "not sure", "width_px": 40, "height_px": 20, "release": "r7",
            "package_sha256": "0" * 64,
        }  # fmt: skip
        self.content[f"{device}/{name}"] = content
        told = {"device": device, "sha256": sha256_of(content), "sample": sample}
        self.stored.insert(0, ListedSample.model_validate(told))

    def samples(self, limit: int) -> list[ListedSample]:
        return self.stored[:limit]

    def image(self, device: str, sample_id: str) -> bytes:
        return self.content[f"{device}/{sample_id}"]

    def corrected(self, device: str) -> frozenset[str]:
        self.asked.append(device)
        return frozenset(self.hand.get(device, ()))


def test_what_people_corrected_comes_before_what_they_reviewed(tmp_path: Path) -> None:
    site = FakeSite(tmp_path)
    for k, device in enumerate(["belt-1", "belt-2", "belt-1", "belt-1"]):
        site.upload(device, f"i{k}", 1_790_000_000.0 + k)
    site.hand = {"belt-1": {"i0"}}
    source = StationSource(site, tmp_path / "samples")
    assert source.refresh() == []
    corrected, reviewed = source.read()
    assert (corrected.reason, reviewed.reason) == ("corrected", "reviewed")
    assert [image.attributes["item"] for image in corrected.dataset.images] == ["i0"]
    assert [image.attributes["item"] for image in reviewed.dataset.images] == ["i3", "i2", "i1"]
    image = reviewed.dataset.images[0]
    assert (image.scene, image.sequence) == ("belt-1 2026-09-21", "belt-1 i3")
    assert image.attributes["captured_at"] == "2026-09-21T14:13:23.000+00:00"
    assert image.path.is_file()
    source.done()
    site.asked.clear()
    assert (source.refresh(), source.read(), site.asked) == ([], [], [])
    site.upload("belt-2", "i4", 1_790_000_009.0)
    source.refresh()
    assert [len(supply.dataset.images) for supply in source.read()] == [5]
    assert site.asked == ["belt-2"]


def test_samples_are_fetched_though_nobody_can_look_at_them_yet(tmp_path: Path) -> None:
    site = FakeSite(tmp_path)
    site.upload("belt-1", "i0", 1.0)
    source = StationSource(site, tmp_path / "samples")
    source.refresh()
    site.stored.clear()  # the server made room
    site.upload("belt-1", "i1", 2.0)
    source.refresh()
    (supply,) = source.read()
    assert len(supply.dataset.images) == 2


@pytest.mark.parametrize(
    ("changes", "is_corrected"),
    [({}, False), ({"rule": "by_hand"}, True), ({"label_state": "voided"}, True),
     ({"label_state": "printed"}, False)],
)  # fmt: skip
def test_what_a_correction_is(changes: dict[str, str], is_corrected: bool) -> None:
    item = {
        "station": "s", "item_id": "i", "decided_at": 1.0, "outcome": "REVIEW", "reason": "r",
        "release": "r7", "package_sha256": "0" * 64,
    }  # fmt: skip
    listed = ListedItem.model_validate({"item": item | changes, "step": 3})
    assert listed.is_corrected == is_corrected
