"""A real Label Studio takes our projects and tasks, and gives back what we can read."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from label_studio_server import Server
from label_studio_tasks import HOSTILE, write_dataset

from beltmark.contract.documents import sha256_of
from beltmark.datasets.coco import read_coco
from beltmark.datasets.images import read_image_bytes
from beltmark.datasets.label_studio.words import NONE_OF_THESE, UNSURE
from labeling.cli import main
from labeling.config import label_config
from labeling.site import ListedSample
from labeling.site_samples import collect

pytestmark = [pytest.mark.label_studio, pytest.mark.xdist_group("label_studio")]


class Studio:
    """A running Label Studio."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.ask = server.ask

    def project(self, config: str) -> int:
        return self._server.client().make_project("Belt", config).id

    def take(self, project: int, tasks: list[Any]) -> dict[str, Any]:
        done: dict[str, Any] = self.ask("POST", f"/api/projects/{project}/import", tasks)
        return done

    def take_over_predictions(self, project: int) -> list[str]:
        """Does what a person does who finds each prediction right; returns whose they were."""
        versions = []
        for task in self.ask("GET", f"/api/tasks?project={project}&fields=all")["tasks"]:
            (prediction,) = task["predictions"]
            versions.append(prediction["model_version"])
            self._server.answer(
                task["id"], prediction["result"], parent_prediction=prediction["id"]
            )
        return versions

    def export(self, project: int, kind: str, path: Path) -> Path:
        query = f"exportType={kind}&download_all_tasks=true"
        path.write_text(json.dumps(self.ask("GET", f"/api/projects/{project}/export?{query}")))
        return path


@pytest.fixture
def studio(label_studio: Server) -> Studio:
    return Studio(label_studio)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_dataset(tmp_path)


def exported(dataset: Path, *options: str) -> list[Any]:
    out = dataset.with_name("tasks.json")
    assert main(["to-tasks", str(dataset), str(out), *options]) == 0
    return json.loads(out.read_text())  # type: ignore[no-any-return]


def imported(export: Path, dataset: Path, *options: str) -> dict[str, Any]:
    out = dataset.with_name("back.json")
    assert main(["from-tasks", str(export), str(out), *options]) == 0
    return json.loads(out.read_text())  # type: ignore[no-any-return]


@pytest.fixture
def config(dataset: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["config", str(dataset)]) == 0
    return capsys.readouterr().out


def test_it_reads_our_configuration(studio: Studio, config: str) -> None:
    project = studio.ask("GET", f"/api/projects/{studio.project(config)}")
    controls = project["parsed_label_config"]
    assert controls["label"]["labels"] == ["cup", HOSTILE, "never used", NONE_OF_THESE, UNSURE]
    assert controls["label"]["type"] == "RectangleLabels"
    assert controls["flags"]["labels"] == ["truncated", "blurred", "uncertain"]


def test_annotations_go_in_and_come_back(
    studio: Studio, config: str, dataset: Path, tmp_path: Path
) -> None:
    project = studio.project(config)
    assert studio.take(project, exported(dataset))["annotation_count"] == 3
    export = studio.export(project, "JSON", tmp_path / "export.json")
    assert imported(export, dataset) == json.loads(dataset.read_text())


def test_predictions_go_in_and_may_be_taken_over(
    studio: Studio, config: str, dataset: Path, tmp_path: Path
) -> None:
    project = studio.project(config)
    tasks = exported(dataset, "--as", "predictions", "--model-version", "champion")
    assert studio.take(project, tasks)["prediction_count"] == 3  # it checks them, box by box
    assert studio.take_over_predictions(project) == ["champion"] * 3
    back = imported(studio.export(project, "JSON", tmp_path / "export.json"), dataset)
    before = json.loads(dataset.read_text())
    assert back["images"] == before["images"]
    assert [row["id"] for row in back["annotations"]] == [11, 12, 20, 21]
    for row, was in zip(back["annotations"], before["annotations"], strict=True):
        if was["id"] != 20:  # that box left its image, and was cut
            assert row == was


def test_json_min_has_the_boxes(studio: Studio, config: str, dataset: Path, tmp_path: Path) -> None:
    project = studio.project(config)
    studio.take(project, exported(dataset))
    export = studio.export(project, "JSON_MIN", tmp_path / "export.json")
    back = imported(export, dataset, "--ignore-controls", "flags")
    before = json.loads(dataset.read_text())
    assert back["categories"] == before["categories"]
    assert back["images"] == before["images"]
    for row, was in zip(back["annotations"], before["annotations"], strict=True):
        assert row["bbox"] == pytest.approx(was["bbox"], rel=1e-15)
        assert row["category_id"] == was["category_id"]


def test_samples_of_the_site_become_a_dataset(studio: Studio, tmp_path: Path) -> None:
    jpeg = bytes(cv2.imencode(".jpg", np.full((20, 40, 3), 90, np.uint8))[1])
    sample = {
        "sample_id": "s1", "item_id": "i1", "captured_at": 1_790_000_000.5, "outcome": "REVIEW",
        "reason": "not sure", "width_px": 40, "height_px": 20, "box_xyxy_px": [-3, 5, 30, 15],
        "release": "r7", "package_sha256": "0" * 64,
        "candidates": [{"class_name": "cup", "probability": 0.61}],
    }  # fmt: skip

    class OneSample:
        def samples(self, limit: int) -> list[ListedSample]:
            listed = {"device": "belt-1", "sha256": sha256_of(jpeg), "sample": sample}
            return [ListedSample.model_validate(listed)]

        def image(self, device: str, sample_id: str) -> bytes:
            return jpeg

    collected = collect(OneSample(), tmp_path, 10)
    project = studio.project(label_config(["cup"]))
    studio.take(project, json.loads(collected.tasks_path.read_text()))
    studio.take_over_predictions(project)
    export = studio.export(project, "JSON", tmp_path / "export.json")
    assert main(["from-tasks", str(export), str(tmp_path / "annotations.json")]) == 0
    dataset = read_coco(tmp_path / "annotations.json")
    assert dataset.class_names == ("cup",)
    (image,) = dataset.images
    assert read_image_bytes(image) == jpeg
    assert image.objects[0].box_xyxy_px == pytest.approx((0, 5, 30, 15))
