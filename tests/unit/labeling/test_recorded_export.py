"""What Label Studio 1.23.2 itself exported, after people had drawn in its editor."""

import json
from pathlib import Path
from typing import Any

import pytest
from label_studio_tasks import write_dataset

from beltmark.datasets.label_studio.importing import Imported, ImportPlan, to_coco
from beltmark.datasets.label_studio.tasks import read_tasks
from labeling.coco_rows import read_rows
from labeling.exporting import ExportPlan, to_tasks

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "label_studio"
DRAWN = {
    "x": 61.035871156661784, "y": 33.01610541727671,
    "width": 21.96193265007321, "height": 37.92093704245975,
}  # fmt: skip


def load(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())


def imported(name: str, *ignored: str) -> Imported:
    path = FIXTURES / name
    plan = ImportPlan(path, path.parent, ignored_controls=frozenset(ignored))
    return to_coco(read_tasks(path), plan)


def test_what_nobody_touched_is_as_it_was() -> None:
    before, back = load("dataset.json"), imported("export.json").document
    assert back["categories"] == before["categories"]
    assert back["images"] == before["images"]
    assert [row for row in back["annotations"] if row["id"] <= 21] == before["annotations"]


def test_what_people_drew_is_new() -> None:
    done = imported("export.json")
    copy, drawn = (row for row in done.document["annotations"] if row["id"] > 21)
    assert copy == {
        "id": 22, "image_id": 4, "category_id": 7, "bbox": [10, 10, 20, 20], "area": 400,
        "iscrowd": 0, "truncated": True, "uncertain": True,
    }  # fmt: skip
    assert drawn["bbox"] == pytest.approx([39.0630, 15.8477, 14.0556, 18.2020], abs=1e-4)
    assert (drawn["blurred"], "track_id" in drawn) == (True, False)
    assert (done.unanswered, done.skipped, done.several) == (1, 1, 0)


def test_what_people_drew_goes_back_to_the_bit(tmp_path: Path) -> None:
    path = write_dataset(tmp_path, **imported("export.json").document)
    regions = to_tasks(read_rows(path), ExportPlan())[0]["annotations"][0]["result"]
    values = [each["value"] for each in regions if each["id"] == "beltmark-23"]
    assert all({key: value[key] for key in DRAWN} == DRAWN for value in values)
    assert [value.get("choices") for value in values] == [None, ["blurred"]]


def test_json_min_has_the_same_boxes() -> None:
    whole = imported("export.json")
    less = imported("export_min.json", "flags")
    assert less.is_from_min
    assert not whole.is_from_min
    assert less.document["images"] == whole.document["images"]
    assert less.document["categories"] == whole.document["categories"]

    def boxes(done: Imported) -> list[Any]:
        rows = done.document["annotations"]
        return [[row["image_id"], row["category_id"], *row["bbox"]] for row in rows]

    for row, other in zip(boxes(less), boxes(whole), strict=True):
        assert row == pytest.approx(other, rel=5e-16)
