import json
from pathlib import Path
from typing import Any

import cv2
import pytest
from pycocotools.coco import COCO

from beltmark.simulation.dataset import IMAGES_PER_SCENE, DatasetPlan, write_dataset
from beltmark.simulation.shapes.families import CLASS_NAMES

PLAN = DatasetPlan(images=2 * IMAGES_PER_SCENE + 1, seed=3, width_px=240, height_px=160)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(PLAN, tmp_path_factory.mktemp("coco"))


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def test_coco_tools_can_read_it(written: Path) -> None:
    coco = COCO(str(written))
    assert [c["name"] for c in coco.loadCats(coco.getCatIds())] == list(CLASS_NAMES)
    assert len(coco.getImgIds()) == PLAN.images
    assert coco.getAnnIds()


def test_images_are_there_and_boxes_lie_inside(written: Path) -> None:
    document = read(written)
    images = {image["id"]: image for image in document["images"]}
    for image in images.values():
        picture = cv2.imread(str(written.parent / image["file_name"]))
        assert picture is not None
        assert picture.shape == (image["height"], image["width"], 3)
    for annotation in document["annotations"]:
        image = images[annotation["image_id"]]
        x, y, width, height = annotation["bbox"]
        assert width > 0
        assert height > 0
        assert x >= 0
        assert x + width <= image["width"]
        assert y >= 0
        assert y + height <= image["height"]


def test_a_scene_holds_whole_sequences(written: Path) -> None:
    scene_of: dict[int, set[int]] = {}
    for image in read(written)["images"]:
        scene_of.setdefault(image["sequence"], set()).add(image["scene"])
    assert all(len(scenes) == 1 for scenes in scene_of.values())
    assert {0, 1, 2} == set().union(*scene_of.values())


def test_a_track_keeps_its_class(written: Path) -> None:
    classes: dict[int, set[int]] = {}
    for annotation in read(written)["annotations"]:
        classes.setdefault(annotation["track_id"], set()).add(annotation["category_id"])
    assert all(len(ids) == 1 for ids in classes.values())
    assert len(classes) > 3


def test_two_processes_write_the_same_bytes(written: Path, tmp_path: Path) -> None:
    again = write_dataset(PLAN, tmp_path, workers=2)
    files = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    assert len(files) == PLAN.images + 1
    for name in files:
        assert (written.parent / name).read_bytes() == (tmp_path / name).read_bytes()
    assert again.name == "annotations.json"


def test_only_the_classes_asked_for_but_all_categories(tmp_path: Path) -> None:
    plan = DatasetPlan(images=6, seed=9, class_names=("tube", "cup"), width_px=240, height_px=160)
    document = read(write_dataset(plan, tmp_path))
    used = {CLASS_NAMES[a["category_id"] - 1] for a in document["annotations"]}
    assert used == {"tube", "cup"}
    assert len(document["categories"]) == len(CLASS_NAMES)


def test_a_start_after_a_crash_draws_only_what_is_missing(written: Path, tmp_path: Path) -> None:
    class Killed(Exception):  # noqa: N818
        pass

    def kill(images_done: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        write_dataset(PLAN, tmp_path, on_progress=kill)
    drawn = {path: path.stat().st_mtime_ns for path in (tmp_path / "images").iterdir()}
    assert 0 < len(drawn) < PLAN.images
    assert not (tmp_path / "annotations.json").exists()
    assert write_dataset(PLAN, tmp_path).read_bytes() == written.read_bytes()
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in drawn.items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["annotations.json", "images"]
