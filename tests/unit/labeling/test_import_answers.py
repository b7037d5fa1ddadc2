"""What is read of Label Studio's exports, which answer counts, and what is refused by name."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from label_studio_tasks import HEIGHT, WIDTH, answer, region, task, write_tasks

from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.importing import Imported, ImportPlan, to_coco
from beltmark.datasets.label_studio.tasks import read_tasks
from beltmark.datasets.label_studio.words import numbered


def imported(folder: Path, tasks: object, **plan: Any) -> Imported:
    path = write_tasks(folder, tasks)
    return to_coco(read_tasks(path), ImportPlan(path, folder, **plan))


def test_a_project_that_was_never_ours(tmp_path: Path) -> None:
    tasks = [task(8, answer(region(), region("r2", "tube", x=0))), task(9, answer(region()))]
    assert imported(tmp_path, tasks).document == {
        "categories": [{"id": 1, "name": "cup"}, {"id": 2, "name": "tube"}],
        "images": [
            {"id": 1, "file_name": "8.png", "width": WIDTH, "height": HEIGHT},
            {"id": 2, "file_name": "9.png", "width": WIDTH, "height": HEIGHT},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [16, 12, 32, 24], "area": 768,
             "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": 2, "bbox": [0, 12, 32, 24], "area": 768,
             "iscrowd": 0},
            {"id": 3, "image_id": 2, "category_id": 1, "bbox": [16, 12, 32, 24], "area": 768,
             "iscrowd": 0},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("address", "prefix", "file_name"),
    [
        ("/data/upload/1/1b2c3d4e-a%20b.jpg", "", "1b2c3d4e-a b.jpg"),
        ("/data/local-files/?d=belt/images/x%231.jpg", "", "x#1.jpg"),
        ("/data/local-files/?d=belt/images/x%231.jpg", "/data/local-files/?d=belt/",
         "images/x#1.jpg"),
        ("https://host/belt/images/x.jpg?sig=1", "", "x.jpg"),
        ("https://host/belt/images/x.jpg", "https://host/belt", "images/x.jpg"),
        ("images/x.jpg", "", "x.jpg"),
    ],
)  # fmt: skip
def test_file_names(address: str, prefix: str, file_name: str, tmp_path: Path) -> None:
    done = imported(tmp_path, [task(1, answer(region()), image=address)], images_prefix=prefix)
    assert done.document["images"][0]["file_name"] == file_name


def test_the_latest_answer_counts(tmp_path: Path) -> None:
    # What was imported into Label Studio is marked as ground truth by it; its correction is not.
    first = answer(region(label="tube"), ground_truth=True, id=7)
    later = answer(region(label="cup"), id=3, updated_at="2026-11-25T14:00:01+02:00")
    skipped = answer(id=9, was_cancelled=True, updated_at="2027-01-01T00:00:00Z")
    done = imported(tmp_path, [task(1, first, later, skipped)])
    assert done.document["categories"] == [{"id": 1, "name": "cup"}]
    assert (done.several, done.skipped) == (1, 0)


def test_unanswered_and_skipped_tasks_are_left_out_but_empty_ones_are_not(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "3.png"), np.zeros((5, 6, 3), np.uint8))
    tasks = [task(1), task(2, answer(was_cancelled=True)), task(3, answer()),
             task(4, answer(region()))]  # fmt: skip
    done = imported(tmp_path, tasks)
    assert (done.unanswered, done.skipped) == (1, 1)
    assert [(row["file_name"], row["width"], row["height"]) for row in done.document["images"]] == [
        ("3.png", 6, 5),  # nothing tells its size but the file
        ("4.png", WIDTH, HEIGHT),
    ]


def test_none_of_these_is_always_to_choose(tmp_path: Path) -> None:
    tasks = [task(1, answer(region(), region("r2", "none_of_these")))]
    done = imported(tmp_path, tasks, categories=[{"id": 5, "name": "cup"}])
    assert done.document["categories"] == [
        {"id": 5, "name": "cup"},
        {"id": 6, "name": "none_of_these"},
    ]


def test_classes_may_be_said(tmp_path: Path) -> None:
    done = imported(tmp_path, [task(1, answer(region()))], categories=numbered(["tube", "cup"]))
    assert [row["name"] for row in done.document["categories"]] == ["tube", "cup"]
    assert done.document["annotations"][0]["category_id"] == 2


def test_a_small_overshoot_is_left_to_the_reader(tmp_path: Path) -> None:
    done = imported(tmp_path, [task(1, answer(region(x=-1.5)))])
    assert done.document["annotations"][0]["bbox"][0] == pytest.approx(-0.96)


def test_other_controls_can_be_passed_over(tmp_path: Path) -> None:
    quality = {"id": "q", "type": "choices", "from_name": "quality", "value": {"choices": ["bad"]}}
    done = imported(
        tmp_path,
        [task(1, answer(quality, region()))],
        ignored_controls=frozenset({"quality"}),
    )
    assert len(done.document["annotations"]) == 1


def shape(kind: str, **value: Any) -> dict[str, Any]:
    return region(type=kind) | {"from_name": "shape", "value": value}


@pytest.mark.parametrize(
    ("wrong", "told", "mend"),
    [
        (region(rotation=12.5), "turned by 12.5", "upright"),
        (region(image_rotation=90), "the image under it is turned by 90", "turn it back"),
        (shape("polygonlabels", points=[[1, 2]], polygonlabels=["cup"]), "'polygonlabels' is no",
         "--ignore-controls shape"),
        (shape("brushlabels", rle=[1], brushlabels=["cup"]), "'brushlabels' is no", "draw a box"),
        (shape("rectangle", x=1, y=1, width=1, height=1), "'rectangle' is no", "draw a box"),
        (region(type="choices") | {"from_name": "quality", "value": {"choices": ["bad"]}},
         "'choices' is no box", "--ignore-controls quality"),
        (region(type="choices") | {"from_name": "flags", "value": {"choices": ["wet"]}},
         "'wet' is no flag", "beltmark-label config"),
        (region(type="choices") | {"from_name": "flags", "value": {"choices": ["blurred"]}},
         "blurred: said of no box", "JSON"),
        (region(type="relation") | {"from_name": None}, "'relation'", "remove the relation"),
        (region(label=None), "needs one label, but has none", "choose one"),
        (region(rectanglelabels=["cup", "tube"]), "has cup, tube", "choose one"),
        (region(label="spoon"), "'spoon' is no class (known: cup)", "--classes"),
        (region(x=80), "leaves its image of 64x48 pixels by 19.2", "within the image"),
        (region(x=-60, width=40), "leaves its image", "within the image"),
        (region(width=0), "has no area", "draw it anew"),
        (region(x=1e300), "x: ", "correct this value"),
        (region(x="wide"), "x.", "correct this value"),
    ],
)  # fmt: skip
def test_what_can_be_no_box_is_refused(
    wrong: dict[str, Any], told: str, mend: str, tmp_path: Path
) -> None:
    wrong["id"] = None if wrong["type"] == "relation" else "bad1"
    with pytest.raises(InputError) as refused:
        imported(
            tmp_path,
            [task(1, answer(region())), task(17, answer(wrong))],
            categories=[{"id": 1, "name": "cup"}],
        )
    line = str(refused.value)
    assert told in line
    assert mend in line
    assert "project-1.json" in line
    assert "task 17, region " + (wrong["id"] or "0") in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ([task(1, answer(region(), region("r2", original_width=65)))], "but 65x48 by task 1, regi"),
        ([task(1, answer())], "copy the image to"),
        ([task(1)], "no task has an answer"),
        ([], "no task has an answer"),
        ([task(1, answer(region()), image="a/x.png"), task(2, answer(region()), image="b/x.png")],
         "task 2: is of the image that task 1 is of"),
        ([task(1, answer(region()), image="https://host/")], "'' is no file below"),
        ([task(1, answer(region()), image="/data/local-files/?d=..")], "'..' is no file below"),
        ([task(1, answer(region()), image="/x%00.png")], "is no file below"),
        ([{"id": 3, "data": {}, "annotations": [answer(region())]}], "task 3: names no image"),
        ([{"id": 3, "data": [], "annotations": []}], "task 3, data: "),
        ([{"data": {}, "annotations": 5}], "tasks[0], annotations: "),
        ([task(1, answer(region(), updated_at="soon"))], "task 1, annotations.0.updated_at"),
        ([task(1, answer(region()), beltmark={"image": {"id": 1}})], "data.beltmark.image"),
        ([task(1, answer(region()), beltmark=5)], "data.beltmark"),
        ([task(1, answer(region()), beltmark={"dataset": {"categories": [{"id": "x"}]}})],
         "data.beltmark.dataset"),
        ([task(1, answer(region(meta={"beltmark": {"region": "r1", "row": {"id": 1}}})))], "bbox"),
        ({"images": []}, "this is a COCO dataset"),
        ({"a": 1}, "not Label Studio's tasks"),
        ([1], "not Label Studio's tasks"),
    ],
)  # fmt: skip
def test_exports_that_cannot_be_read(tasks: object, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        imported(tmp_path, tasks)
    assert told in str(refused.value)


@pytest.mark.parametrize("text", ["", "[", "[NaN]", "[" * 100_000])
def test_what_is_no_json_is_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(text)
    with pytest.raises(InputError, match="JSON"):
        read_tasks(path)


def test_tasks_of_two_datasets_are_not_mixed(tmp_path: Path) -> None:
    tasks = [
        task(k, answer(region()), beltmark={"dataset": {"categories": [{"id": k, "name": "cup"}]}})
        for k in (1, 2)
    ]
    with pytest.raises(InputError, match="task 2: is of another dataset"):
        imported(tmp_path, tasks)


def test_json_min_is_known_by_its_fields(tmp_path: Path) -> None:
    value = region()["value"]
    size = {"original_width": WIDTH, "original_height": HEIGHT}
    row = {"annotator": 1, "created_at": "2026-11-25T12:00:00Z", "lead_time": 1.0,
           "updated_at": "2026-11-25T12:00:00Z"}  # fmt: skip
    rows = [
        {"image": "a/4.png", "id": 4, "label": [value | size], "annotation_id": 1, **row},
        {"image": "a/4.png", "id": 4, "label": [], "annotation_id": 2,
         **row, "updated_at": "2026-11-25T11:00:00Z"},
        {"image": "a/5.png", "id": 5, **row, "annotation_id": None},
    ]  # fmt: skip
    done = imported(tmp_path, rows)
    assert [box["bbox"] for box in done.document["annotations"]] == [[16, 12, 32, 24]]
    assert (done.unanswered, done.several, done.is_from_min) == (1, 1, True)


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ({"flags": "blurred"}, "region flags[0]: blurred: said of no box"),
        ({"flags": [{"choices": ["blurred", "uncertain"]}]}, "blurred, uncertain: said of no box"),
        ({"outline": [{"points": [], "polygonlabels": ["cup"]}]}, "'polygonlabels' is no box"),
        ({"outline": [{"x": 1, "y": 1, "width": 1, "height": 1}]}, "'rectangle' is no box"),
    ],
)
def test_what_json_min_cannot_tell_is_refused(
    extra: dict[str, Any], told: str, tmp_path: Path
) -> None:
    row = {"image": "4.png", "id": 4, "annotation_id": 1, "annotator": 1, "created_at": None,
           "updated_at": None, **extra}  # fmt: skip
    with pytest.raises(InputError) as refused:
        imported(tmp_path, [row])
    assert told in str(refused.value)
