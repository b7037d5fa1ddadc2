"""Label Studio's exports as datasets; what becomes of boxes is tested with labeling too."""

import json
from pathlib import Path
from typing import Any

import pytest
from label_studio_tasks import answer, region, task, write_tasks
from pictures import write_picture

from beltmark.contract.errors import InputError
from beltmark.datasets.coco import read_coco
from beltmark.datasets.label_studio.reading import read_each_annotator, read_label_studio

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "label_studio"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in range(1, 5):
        write_picture(tmp_path / f"{index}.png")
    return tmp_path


def choice(control: str, *chosen: str) -> dict[str, Any]:
    return {
        "id": f"c-{control}", "from_name": control, "to_name": "image", "type": "choices",
        "value": {"choices": list(chosen)},
    }  # fmt: skip


def test_boxes_and_who_drew_them(folder: Path) -> None:
    dataset = read_label_studio(
        write_tasks(
            folder,
            [
                task(1, answer(region(), completed_by=7), session="s1"),
                task(2, answer(completed_by={"id": 3, "email": "ann@example.org"})),
                task(3),
                task(4, answer(region(), was_cancelled=True)),
            ],
        )
    )
    first, second = dataset.images
    assert first.objects[0].box_xyxy_px == (16, 12, 48, 36)
    assert first.attributes == {"annotator": "7", "session": "s1"}
    assert (second.objects, second.attributes) == ((), {"annotator": "ann@example.org"})
    assert dataset.notes == ("left out 2 tasks without answer", "left out 1 skipped answers")
    assert dataset.format == "label_studio"


def test_the_latest_answer_counts_and_each_is_to_be_had(folder: Path) -> None:
    early = answer(region(label="cup"), completed_by=1)
    late = answer(region(label="tube"), id=2, completed_by=2, updated_at="2026-11-26T00:00:00Z")
    path = write_tasks(folder, [task(1, late, early), task(2, early)])
    dataset = read_label_studio(path)
    assert [image.attributes["annotator"] for image in dataset.images] == ["2", "1"]
    assert "took the latest of several answers to 1 tasks" in dataset.notes
    each = read_each_annotator(path)
    assert {name: len(d.images) for name, d in each.items()} == {"1": 2, "2": 1}
    assert each["1"].class_names == each["2"].class_names == ("cup", "tube")
    assert [d.images[0].objects[0].class_index for d in each.values()] == [0, 1]


def test_choices_are_the_class_where_there_are_no_boxes(folder: Path) -> None:
    dataset = read_label_studio(
        write_tasks(
            folder,
            [
                task(1, answer(choice("choice", "tube"), choice("light", "dim"))),
                task(2, answer(choice("choice", "cup"))),
                task(3, answer()),
            ],
        )
    )
    assert dataset.class_names == ("cup", "tube")
    assert [image.class_index for image in dataset.images] == [1, 0, None]
    assert [dict(image.attributes) for image in dataset.images] == [{"light": "dim"}, {}, {}]


def test_each_persons_choices_are_of_the_same_classes(folder: Path) -> None:
    tasks = [
        task(1, answer(choice("choice", "tube"), completed_by=1)),
        task(2, answer(choice("choice", "cup"), completed_by=2)),
    ]
    each = read_each_annotator(write_tasks(folder, tasks))
    assert [dataset.class_names for dataset in each.values()] == [("cup", "tube")] * 2
    assert [dataset.images[0].class_index for dataset in each.values()] == [1, 0]


def test_choices_beside_boxes_are_attributes(folder: Path) -> None:
    path = write_tasks(folder, [task(1, answer(region(), choice("light", "dim", "red")))])
    image = read_label_studio(path).images[0]
    assert (image.class_index, image.attributes) == (None, {"light": "dim, red"})


def test_choices_for_boxes_are_left_out_and_counted(folder: Path) -> None:
    of_box = {**choice("quality", "good"), "id": "r1"}
    flag = {**choice("flags", "blurred"), "id": "r1"}
    dataset = read_label_studio(write_tasks(folder, [task(1, answer(region(), of_box, flag))]))
    image = dataset.images[0]
    assert (image.objects[0].blurred, image.class_index, image.attributes) == (True, None, {})
    assert dataset.notes == ("left out 1 choices for boxes",)


def test_choices_of_which_none_is_the_class_are_refused(folder: Path) -> None:
    path = write_tasks(folder, [task(1, answer(choice("light", "dim"), choice("shelf", "a")))])
    with pytest.raises(InputError, match="none is known to be the class"):
        read_label_studio(path)


def test_json_min_tells_choices_as_text(folder: Path) -> None:
    row = {"image": "/x/1.png", "id": 1, "choice": "cup", "annotator": 4, "annotation_id": 9,
           "created_at": "2026-11-25T12:00:00Z", "updated_at": "2026-11-25T12:00:00Z"}  # fmt: skip
    dataset = read_label_studio(write_tasks(folder, [row]))
    image = dataset.images[0]
    assert (dataset.class_names, image.class_index) == (("cup",), 0)
    assert image.attributes == {"annotator": "4"}
    assert dataset.notes == (
        "JSON-MIN tells of a box only itself: export JSON to keep flags and tracks",
    )


def test_images_may_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/1.png")
    dataset = read_label_studio(write_tasks(tmp_path, [task(1, answer(region()))]))
    assert dataset.images[0].path == tmp_path / "images/1.png"


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ([task(1, answer(region(rotation=3)))], "turned by 3 degrees"),
        ([task(1, answer(region(width=200)))], "leaves its image"),
        ([task(9, answer(region()))], "no such image"),
        ([task(1, answer(region()), image="../../1.png")], "no such image"),
        ([task(1)], "no task has an answer"),
        ([task(1, answer(choice("class", "cup", "tube")))], "several classes for one image"),
        ([task(1, answer({**region(), "value": {"rectanglelabels": None}}))], "missing"),
        ([task(1, answer(region(label="cup"), region("r2", "Cup")))], "upper and lower case"),
        ([1], "not Label Studio's tasks"),
    ],
)
def test_what_would_mislead_is_refused(tasks: list[Any], told: str, folder: Path) -> None:
    if told == "no such image":
        (folder / "1.png").unlink()
    with pytest.raises(InputError, match=told):
        read_label_studio(write_tasks(folder, tasks))


@pytest.mark.parametrize("name", ["export.json", "export_min.json"])
def test_what_label_studio_exported_is_what_we_gave_it(name: str, tmp_path: Path) -> None:
    before = json.loads((FIXTURES / "dataset.json").read_text())
    for row in before["images"]:
        write_picture(tmp_path / row["file_name"], (row["width"], row["height"]))
    for each in (name, "dataset.json"):
        (tmp_path / each).write_bytes((FIXTURES / each).read_bytes())
    truth, back = read_coco(tmp_path / "dataset.json"), read_label_studio(tmp_path / name)
    assert back.class_names == truth.class_names
    assert [image.path for image in back.images] == [image.path for image in truth.images]
    for image, other in zip(back.images, truth.images, strict=True):
        kept = {(o.class_index, *map(round, o.box_xyxy_px)) for o in image.objects}
        assert {(o.class_index, *map(round, o.box_xyxy_px)) for o in other.objects} <= kept
        if name == "export.json":
            assert set(other.objects) <= set(image.objects)
            assert image.ignore_xyxy_px == other.ignore_xyxy_px
        assert (image.scene, image.attributes["annotator"]) == (other.scene, "1")
