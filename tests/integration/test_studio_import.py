"""Datasets that have their boxes already go into a real Label Studio and come back the same."""

import json
import random
from pathlib import Path

import pytest
from label_studio_server import Server
from studio_bench import StudioBench, write_picture

from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.opening import read_dataset
from labeling.cli import main
from labeling.exporting import predicted_region

pytestmark = [pytest.mark.label_studio, pytest.mark.xdist_group("label_studio")]

SIZE = (333, 250)
CLASSES = ["cup", "tube", "carton"]


def write_coco(folder: Path, count: int, seed: int = 1) -> Path:
    """Boxes at random places that no percent holds, and all else that a dataset of ours can say."""
    chance = random.Random(seed)
    images, annotations = [], []
    for k in range(count):
        write_picture(folder / "images" / f"{k}.png", 1000 * seed + k, *SIZE)
        row = {"id": k, "file_name": f"images/{k}.png", "width": SIZE[0], "height": SIZE[1]}
        if k % 3 == 0:
            row |= {"scene": f"s{k % 2}", "ignore": [[1.5, 2.25, 10.1, 3]]}
        images.append(row)
        for _ in range(k % 4):
            x, y = chance.uniform(0, 300), chance.uniform(0, 200)
            bbox = [x, y, chance.uniform(1, 333 - x), chance.uniform(1, 250 - y)]
            more = {"track_id": k, "truncated": k % 2 == 0, "uncertain": k % 5 == 0}
            annotations.append(
                {"id": len(annotations), "image_id": k, "category_id": k % 3, "bbox": bbox, **more}
            )
    rows = [{"id": k, "name": name} for k, name in enumerate(CLASSES)]
    path = folder / "annotations.json"
    path.write_text(json.dumps({"categories": rows, "images": images, "annotations": annotations}))
    return path


def said(image: LabelledImage, dataset: Dataset) -> object:
    """What a dataset says of an image, in numbers of the snapshots' decimals."""
    objects = sorted(
        (
            dataset.class_names[each.class_index],
            tuple(round(side, 4) for side in each.box_xyxy_px),
            each.track_id, each.truncated, each.blurred, each.uncertain,
        )
        for each in image.objects
    )  # fmt: skip
    ignored = [tuple(round(side, 4) for side in box) for box in image.ignore_xyxy_px]
    whole = None if image.class_index is None else dataset.class_names[image.class_index]
    return objects, ignored, whole


def by_content(dataset: Dataset) -> dict[bytes, object]:
    return {image.path.read_bytes(): said(image, dataset) for image in dataset.images}


def test_boxes_come_back_as_they_went(
    label_studio: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write_coco(tmp_path / "set", 60)
    bench = StudioBench(label_studio, tmp_path / "bench", "Imported", ["cup", "tube"])
    assert bench.run("import", dataset) == 2
    assert "classes that the project does not have: 'carton'" in capsys.readouterr().err
    assert bench.tasks() == []
    assert bench.run("import", dataset, "--add-classes") == 0
    assert "added carton" in (told := capsys.readouterr().out)
    assert "60 new tasks with 90 boxes" in told
    assert bench.run("import", dataset) == 0
    assert "0 new tasks with 0 boxes, 60 images were there" in capsys.readouterr().out

    assert bench.pull() == 0
    assert "60 settled, 0 contested" in capsys.readouterr().out
    before = read_dataset(dataset)
    assert by_content(read_dataset(Path(f"{bench.store}@labelled"))) == by_content(before)

    # To other programs, by a format that has all of it.
    assert main(["export", f"{bench.store}@labelled", str(tmp_path / "out")]) == 0
    assert by_content(read_dataset(tmp_path / "out")) == by_content(before)


def test_a_correction_of_an_imported_box_counts(label_studio: Server, tmp_path: Path) -> None:
    bench = StudioBench(label_studio, tmp_path / "bench", "Corrected", CLASSES)
    assert bench.run("import", write_coco(tmp_path / "set", 3)) == 0
    first, second, third = bench.tasks(with_answers=True)
    (answer,) = second["annotations"]
    assert not answer["ground_truth"]
    moved = predicted_region("r", "tube", (10, 10, 20, 20), SIZE)
    bench.server.ask("PATCH", f"/api/annotations/{answer['id']}/", {"result": [moved]})
    # Somebody else has something else to say of the third.
    bench.server.answer(third["id"], [], as_mara=True)
    assert bench.pull() == 0
    pulled = read_dataset(Path(f"{bench.store}@labelled"))
    assert {image.attributes["task"] for image in pulled.images} == {
        str(first["id"]), str(second["id"]),
    }  # fmt: skip
    (only,) = [each for image in pulled.images for each in image.objects]
    assert only.box_xyxy_px == (10, 10, 30, 30)


def test_a_class_of_a_whole_image_is_a_box_to_people_and_a_class_again(
    label_studio: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for k, name in enumerate(["cup", "cup", "tube"]):
        write_picture(tmp_path / "set" / name / f"{k}.png", k)
    bench = StudioBench(label_studio, tmp_path / "bench", "Folders", ["cup", "tube"])
    assert bench.run("import", tmp_path / "set", "--as", "starred") == 0
    assert bench.pull("--answers", "2") == 0  # what is starred needs no second answer
    assert "3 settled" in capsys.readouterr().out
    pulled = read_dataset(Path(f"{bench.store}@labelled"))
    assert by_content(pulled) == by_content(read_dataset(tmp_path / "set"))
    assert all(not image.objects for image in pulled.images)


def test_predictions_wait_to_be_checked(
    label_studio: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = StudioBench(label_studio, tmp_path / "bench", "To be checked", CLASSES)
    dataset = write_coco(tmp_path / "set", 4)
    assert bench.run("import", dataset, "--as", "predictions") == 0
    assert bench.pull() == 0
    assert "0 settled, 0 contested, 0 unusable, 4 wait" in capsys.readouterr().out
    tasks = bench.server.ask("GET", f"/api/tasks?project={bench.project}&fields=all")["tasks"]
    for task in tasks:
        (prediction,) = task["predictions"]
        label_studio.answer(task["id"], prediction["result"], parent_prediction=prediction["id"])
    assert bench.pull() == 0
    pulled = read_dataset(Path(f"{bench.store}@labelled"))
    assert by_content(pulled) == by_content(read_dataset(dataset))
