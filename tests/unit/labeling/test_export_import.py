"""From COCO to Label Studio and back: the same dataset; and what people change in between."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_studio_tasks import HEIGHT, HOSTILE, WIDTH, write_dataset, write_tasks

from beltmark.contract.documents import write_json
from beltmark.contract.errors import InputError
from beltmark.datasets.coco import read_coco
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.label_studio.importing import Imported, ImportPlan, to_coco
from beltmark.datasets.label_studio.tasks import read_tasks
from beltmark.datasets.label_studio.words import FLAGS, PERCENT_FIELD, numbered
from beltmark.simulation.dataset import DatasetPlan
from beltmark.simulation.dataset import write_dataset as write_simulated
from labeling.coco_rows import CocoRows, read_rows
from labeling.exporting import ExportPlan, to_tasks


def exported(dataset: Path, plan: ExportPlan | None = None) -> list[dict[str, Any]]:
    tasks = to_tasks(read_rows(dataset), plan or ExportPlan())
    return json.loads(json.dumps(tasks))  # type: ignore[no-any-return]


def imported(folder: Path, tasks: list[dict[str, Any]]) -> Imported:
    path = write_tasks(folder / "export", tasks)
    return to_coco(read_tasks(path), ImportPlan(path, folder))


def in_order(document: dict[str, Any]) -> dict[str, Any]:
    rows = sorted(document["annotations"], key=lambda row: row["id"])
    return {**document, "annotations": rows}


def same_images(one: Dataset, other: Dataset) -> bool:
    return (one.class_names, one.images, one.clipped) == (
        other.class_names,
        other.images,
        other.clipped,
    )


def test_the_dataset_comes_back(tmp_path: Path) -> None:
    path = write_dataset(tmp_path)
    before = json.loads(path.read_text())
    back = imported(tmp_path, exported(path))
    assert back.document == before
    assert back.unsure == 2
    write_json(tmp_path / "back.json", back.document)
    assert same_images(read_coco(path), read_coco(tmp_path / "back.json"))


def test_the_real_belt_comes_back(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "belt" / "annotations.json"
    back = imported(tmp_path, exported(path))
    assert in_order(back.document) == in_order(json.loads(path.read_text()))


def test_a_simulated_belt_comes_back(tmp_path: Path) -> None:
    path = write_simulated(DatasetPlan(images=6, seed=3), tmp_path)
    back = imported(tmp_path, exported(path))
    assert in_order(back.document) == in_order(json.loads(path.read_text()))


@st.composite
def datasets(draw: st.DrawFn) -> CocoRows:
    names = draw(st.lists(st.sampled_from(["cup", "tube", HOSTILE]), min_size=1, unique=True))
    ids = st.lists(st.integers(1, 99), min_size=1, max_size=3, unique=True)
    images, annotations = [], []
    for image_id in draw(ids):
        width, height = draw(st.integers(1, 20_000)), draw(st.integers(1, 20_000))
        inside = st.tuples(
            st.floats(0, width / 2), st.floats(0, height / 2),
            st.floats(1e-3, width / 2), st.floats(1e-3, height / 2),
        ).map(list)  # fmt: skip
        images.append(
            {"id": image_id, "file_name": f"{image_id}.png", "width": width, "height": height,
             "ignore": draw(st.lists(inside, max_size=2))}
        )  # fmt: skip
        for box in draw(st.lists(inside, max_size=3)):
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image_id, "bbox": box,
                 "category_id": draw(st.integers(1, len(names))), "area": 1, "iscrowd": 0,
                 **draw(st.dictionaries(st.sampled_from(FLAGS), st.booleans())),
                 **draw(st.dictionaries(st.sampled_from(["track_id", "more"]), st.integers()))}
            )  # fmt: skip
    return CocoRows(Path("x"), {"categories": numbered(names)}, tuple(images), tuple(annotations))


@given(datasets())
def test_any_dataset_comes_back(rows: CocoRows) -> None:
    tasks = json.loads(json.dumps(to_tasks(rows, ExportPlan())))
    with TemporaryDirectory() as folder:
        back = imported(Path(folder), tasks).document
    assert back == {
        **rows.header,
        "images": list(rows.images),
        "annotations": list(rows.annotations),
    }


def test_a_task_is_as_label_studio_has_it(tmp_path: Path) -> None:
    first = exported(write_dataset(tmp_path))[0]
    assert first["data"]["image"] == "images/a b#1.png"
    box, flags, other, *_ = first["annotations"][0]["result"]
    assert box["value"] == {
        "x": 15.625, "y": 1000 / 48, "width": 31.25, "height": 2000 / 48,
        "rotation": 0, "rectanglelabels": ["cup"],
    }  # fmt: skip
    assert (box["from_name"], box["to_name"], box["type"]) == ("label", "image", "rectanglelabels")
    assert (box["original_width"], box["original_height"]) == (WIDTH, HEIGHT)
    assert (flags["id"], flags["from_name"], flags["type"]) == (box["id"], "flags", "choices")
    assert flags["value"]["choices"] == ["truncated", "uncertain"]
    assert other["value"]["rectanglelabels"] == [HOSTILE]


@pytest.mark.parametrize(
    ("prefix", "address"),
    [
        ("https://host/belt", "https://host/belt/images/a%20b%231.png"),
        ("/data/local-files/?d=belt/", "/data/local-files/?d=belt/images/a%20b%231.png"),
        ("/data/local-files/?d=", "/data/local-files/?d=images/a%20b%231.png"),
    ],
)
def test_addresses_have_a_prefix(prefix: str, address: str, tmp_path: Path) -> None:
    tasks = exported(write_dataset(tmp_path), ExportPlan(images_prefix=prefix))
    assert tasks[0]["data"]["image"] == address


def test_predictions_are_no_work(tmp_path: Path) -> None:
    plan = ExportPlan("predictions", model_version="champion 3")
    tasks = exported(write_dataset(tmp_path), plan)
    assert all("annotations" not in each for each in tasks)
    prediction = tasks[1]["predictions"][0]
    assert (prediction["model_version"], prediction["score"]) == ("champion 3", 0.5)
    values = [each["value"] for each in prediction["result"]]
    # Label Studio refuses predictions that leave the image.
    assert values[0]["x"] == 0
    assert values[0]["width"] == pytest.approx(100 * 9 / WIDTH)
    with pytest.raises(InputError, match="no task has an answer"):
        imported(tmp_path, tasks)


def test_a_prediction_that_people_took_over_is_the_box(tmp_path: Path) -> None:
    path = write_dataset(tmp_path)
    tasks = exported(path, ExportPlan("predictions", model_version="v"))
    for each in tasks:
        each["annotations"] = each.pop("predictions")
    back = imported(tmp_path, tasks).document
    before = json.loads(path.read_text())
    assert back["images"] == before["images"]
    by_id = {row["id"]: row for row in back["annotations"]}
    assert [by_id[row["id"]] for row in before["annotations"] if row["id"] != 20] == [
        row for row in before["annotations"] if row["id"] != 20
    ]
    assert by_id[20]["bbox"] == pytest.approx([0, 0, 9, 10])  # it was cut at the border


def result_of(tasks: list[dict[str, Any]], index: int = 0) -> list[dict[str, Any]]:
    regions: list[dict[str, Any]] = tasks[index]["annotations"][0]["result"]
    return regions


def test_a_moved_box_keeps_its_item_but_not_its_outline(tmp_path: Path) -> None:
    tasks = exported(write_dataset(tmp_path))
    for each in result_of(tasks)[:3]:
        each["value"]["x"] += 25
    back = imported(tmp_path, tasks).document["annotations"]
    assert back[0]["track_id"] == 3
    assert back[0]["bbox"] == [26, 10, 20, 20]
    assert back[0]["area"] == 400
    assert back[1]["bbox"][0] == pytest.approx(16 + 1 / 3)
    assert "segmentation" not in back[1]
    assert back[1]["visible_fraction"] == 0.25


def test_a_copied_box_is_another_item(tmp_path: Path) -> None:
    tasks = exported(write_dataset(tmp_path))
    copy = {**result_of(tasks)[0], "id": "f6iKXzfQXS"}  # the editor copies what is beside it, too
    result_of(tasks).append(copy)
    rows = imported(tmp_path, tasks).document["annotations"]
    made = [row for row in rows if row["image_id"] == 4]
    assert made[0]["track_id"] == 3
    assert made[2]["bbox"] == made[0]["bbox"]
    assert made[2]["id"] == 22
    assert "track_id" not in made[2]


def test_flags_are_what_people_chose(tmp_path: Path) -> None:
    tasks = exported(write_dataset(tmp_path))
    result_of(tasks)[1]["value"]["choices"] = ["blurred"]
    other = result_of(tasks)[2]
    result_of(tasks).append(
        {**other, "from_name": "flags", "type": "choices", "value": {"choices": ["uncertain"]}}
    )
    first, second, *_ = imported(tmp_path, tasks).document["annotations"]
    assert [first[flag] for flag in ("truncated", "blurred", "uncertain")] == [False, True, False]
    assert second["uncertain"] is True
    assert "blurred" not in second


def test_what_is_unsure_is_not_judged(tmp_path: Path) -> None:
    tasks = exported(write_dataset(tmp_path))
    box, _flags, _other, *ignored = result_of(tasks)
    box["value"]["rectanglelabels"] = ["unsure"]
    ignored[0]["value"]["rectanglelabels"] = ["cup"]
    back = imported(tmp_path, tasks).document
    assert back["images"][0]["ignore"] == [[10, 10, 20, 20], [1.5, 2.25, 10.1, 3]]
    made = [row for row in back["annotations"] if row["image_id"] == 4]
    assert made[1]["bbox"] == [0, 0, 4, 4]
    assert made[1]["category_id"] == 7


def test_drawn_percents_come_back_to_the_bit(tmp_path: Path) -> None:
    tasks = exported(write_dataset(tmp_path))
    drawn = (57.45992601726264, 25.354229153380803, 12.330456226880393, 18.495684340320594)
    value = dict(zip(("x", "y", "width", "height"), drawn, strict=True))
    result_of(tasks).append(
        {
            "id": "i3PPk7gaGL", "from_name": "label", "type": "rectanglelabels",
            "original_width": WIDTH, "original_height": HEIGHT,
            "value": {**value, "rotation": 0, "rectanglelabels": ["cup"]},
        }
    )  # fmt: skip
    write_json(tmp_path / "back.json", imported(tmp_path, tasks).document)
    again = exported(tmp_path / "back.json")
    values = [region["value"] for region in result_of(again) if region["id"] == "beltmark-22"]
    assert {key: values[0][key] for key in value} == value
    rows = json.loads((tmp_path / "back.json").read_text())["annotations"]
    assert sum(PERCENT_FIELD in row for row in rows) == 1  # and no more often than it takes


def test_ids_that_are_texts_are_numbers(tmp_path: Path) -> None:
    path = write_dataset(tmp_path)
    document = json.loads(path.read_text())
    document["images"][1]["id"] = "2"
    document["annotations"][0]["truncated"] = "false"
    path.write_text(json.dumps(document))
    back = imported(tmp_path, exported(path)).document
    assert back["images"][1]["id"] == 2
    assert back["annotations"][0]["truncated"] is False


@pytest.mark.parametrize("name", ["unsure", "price $x", "two\nlines", " cup", "x" * 201])
def test_names_that_can_be_no_label_are_refused(name: str, tmp_path: Path) -> None:
    path = write_dataset(tmp_path)
    document = json.loads(path.read_text())
    document["categories"][2]["name"] = name
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="rename it"):
        read_rows(path)


def test_regions_without_end_are_refused(tmp_path: Path) -> None:
    path = write_dataset(tmp_path)
    document = json.loads(path.read_text())
    document["images"][0]["ignore"] = [[0, 0, 1e308, 1]]
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"images\[0\]"):
        read_rows(path)
