"""A real Label Studio takes our projects and tasks, and gives back what we can read.

Runs where BELTMARK_LABEL_STUDIO names its executable (version 1.23, in an environment of its own).
"""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from label_studio_tasks import HOSTILE, write_dataset

from beltmark.contract.documents import sha256_of
from beltmark.datasets.coco import read_coco
from beltmark.datasets.images import read_image_bytes
from beltmark.datasets.label_studio.words import NONE_OF_THESE, UNSURE
from labeling.cli import main
from labeling.collect import collect
from labeling.config import label_config
from labeling.site import ListedSample

EXECUTABLE = os.environ.get("BELTMARK_LABEL_STUDIO", "")
START_LIMIT_S = 240.0
TOKEN = "0123456789abcdef0123456789abcdef01234567"

pytestmark = pytest.mark.skipif(
    not EXECUTABLE, reason="BELTMARK_LABEL_STUDIO does not name a Label Studio"
)


@dataclass(frozen=True)
class Studio:
    """A running Label Studio."""

    address: str

    def ask(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            self.address + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()[:2000]!r}") from None

    def project(self, config: str) -> int:
        made = self.ask("POST", "/api/projects", {"title": "Belt", "label_config": config})
        return int(made["id"])

    def take(self, project: int, tasks: list[Any]) -> dict[str, Any]:
        done: dict[str, Any] = self.ask("POST", f"/api/projects/{project}/import", tasks)
        return done

    def take_over_predictions(self, project: int) -> list[str]:
        """Does what a person does who finds each prediction right; returns whose they were."""
        versions = []
        for task in self.ask("GET", f"/api/tasks?project={project}&fields=all")["tasks"]:
            (prediction,) = task["predictions"]
            versions.append(prediction["model_version"])
            answer = {"result": prediction["result"], "parent_prediction": prediction["id"]}
            self.ask("POST", f"/api/tasks/{task['id']}/annotations/", answer)
        return versions

    def export(self, project: int, kind: str, path: Path) -> Path:
        query = f"exportType={kind}&download_all_tasks=true"
        path.write_text(json.dumps(self.ask("GET", f"/api/projects/{project}/export?{query}")))
        return path


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("label_studio")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    offline = {"LATEST_VERSION_CHECK": "0", "COLLECT_ANALYTICS": "0", "SENTRY_DSN": ""}
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [EXECUTABLE, "start", "--no-browser", "--data-dir", str(folder / "data"),
         "--internal-host", "127.0.0.1", "--port", str(port), "--username", "a@example.org",
         "--password", "of-a-test-only-1", "--user-token", TOKEN, "--enable-legacy-api-token"],
        stdout=log, stderr=log, env=os.environ | offline, start_new_session=True,
    )  # fmt: skip
    studio = Studio(f"http://127.0.0.1:{port}")
    try:
        ends_at = time.monotonic() + START_LIMIT_S
        while not _answers(studio):
            told = (folder / "log").read_text(errors="replace")[-2000:]
            assert process.poll() is None, told
            assert time.monotonic() < ends_at, told
            time.sleep(0.5)
        yield studio
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


def _answers(studio: Studio) -> bool:
    try:
        studio.ask("GET", "/api/projects")
    except (OSError, AssertionError):
        return False
    return True


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_dataset(tmp_path)


def exported(dataset: Path, *options: str) -> list[Any]:
    out = dataset.with_name("tasks.json")
    assert main(["export", str(dataset), str(out), *options]) == 0
    return json.loads(out.read_text())  # type: ignore[no-any-return]


def imported(export: Path, dataset: Path, *options: str) -> dict[str, Any]:
    out = dataset.with_name("back.json")
    assert main(["import", str(export), str(out), *options]) == 0
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
    assert main(["import", str(export), str(tmp_path / "annotations.json")]) == 0
    dataset = read_coco(tmp_path / "annotations.json")
    assert dataset.class_names == ("cup",)
    (image,) = dataset.images
    assert read_image_bytes(image) == jpeg
    assert image.objects[0].box_xyxy_px == pytest.approx((0, 5, 30, 15))
