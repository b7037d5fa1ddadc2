"""The loop closes: what a station sent to a person becomes what the next model knows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fleet_uploads import serving_site, upload
from label_studio_server import REPOSITORY, Server
from tiny_training import train_package

from beltmark.contract.package import ModelPackage, load_package
from beltmark.datasets.boxes import iou
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.images import read_image
from beltmark.datasets.opening import read_dataset
from edge_agent.vision.detector import Detector
from fleet_server.site import init_site, open_site
from labeling.champion import MIN_SCORE
from labeling.cli import main
from labeling.exporting import predicted_region
from labeling.projects import every_task
from labeling.studio.connection import Connection, write_connection

pytestmark = [
    pytest.mark.label_studio,
    pytest.mark.xdist_group("label_studio"),
    pytest.mark.long,
]

PACKAGE = REPOSITORY / "beltmark" / "bundled" / "release" / "package"
SIZE = (120, 80)
ITEMS = 8
CORRECTED = (5, 2)

Box = tuple[float, float, float, float]


def draw(item: int) -> tuple[bytes, list[tuple[str, Box]]]:
    """A station's picture of a yellow carton and a red tube, and where they are in it (xywh)."""
    rng = np.random.default_rng(item)
    picture = rng.integers(30, 60, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    x, y = int(rng.integers(5, 40)), int(rng.integers(5, 40))
    cv2.rectangle(picture, (x, y), (x + 34, y + 24), (30, 200, 230), cv2.FILLED)
    cv2.circle(picture, (x + 60, y + 12), 12, (40, 30, 210), cv2.FILLED)
    jpeg = bytes(cv2.imencode(".jpg", picture)[1])
    return jpeg, [("carton", (x, y, 35, 25)), ("tube", (x + 48, y, 25, 25))]


def test_what_stations_did_not_know_the_next_model_does(
    label_studio: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site, token, device_token = make_site(tmp_path)
    options = make_project(label_studio, tmp_path)
    items = {f"i{item}": draw(item) for item in range(ITEMS)}
    corrected = [f"i{item}" for item in CORRECTED]
    with serving_site(site, corrected) as address:
        for name, (jpeg, _) in items.items():
            upload(address, device_token, name, jpeg, item_id=name)
        sync = ["sync", str(tmp_path / "store"), "--site", address, "--token-file", str(token),
                "--answers", "2", "--package", str(PACKAGE), "--once", *options]  # fmt: skip
        assert main([*sync, "--budget", "3"]) == 0
        assert main([*sync, "--budget", "100"]) == 0
        tasks = tasks_of(label_studio, "Closed loop")
        # What people corrected first, then the newest; none of it says what a model is worth.
        kept = [task["data"]["beltmark"]["image"]["attributes"] for task in tasks]
        assert {each["item"] for each in kept[:2]} == set(corrected)
        assert {each["item"] for each in kept} == items.keys()
        assert [task["data"]["chosen"] for task in tasks] == ["corrected"] * 2 + ["reviewed"] * 6

        for task, attributes in zip(tasks, kept, strict=True):
            regions = [
                predicted_region(f"r{k}", name, box, SIZE)
                for k, (name, box) in enumerate(items[attributes["item"]][1])
            ]
            for as_mara in (False, True):
                label_studio.answer(task["id"], regions, as_mara=as_mara)
        assert main([*sync, "--budget", "100"]) == 0
    assert f"0 waiting, {ITEMS} settled, 0 contested" in capsys.readouterr().out

    dataset = read_dataset(tmp_path / "store@labelled")
    assert len(dataset.images) == ITEMS
    assert {image.attributes["station"] for image in dataset.images} == {"belt-1"}
    champion = load_package(PACKAGE)
    challenger = train_package(tmp_path / "store@labelled", tmp_path / "training", "next", 60)
    before, after = found(champion, dataset), found(challenger, dataset)
    assert before < 1.5 * ITEMS <= after  # of two things in each


def found(package: ModelPackage, dataset: Dataset) -> int:
    """How many of the things that people drew a package finds and names, as a push shows them."""
    detector = Detector(package)
    count = 0
    for image in dataset.images:
        seen = [each for each in detector.detect(read_image(image)) if each.score >= MIN_SCORE]
        for thing in image.objects:
            name = dataset.class_names[thing.class_index]
            count += any(
                each.class_name == name and iou(each.box_xyxy_px, thing.box_xyxy_px) >= 0.5
                for each in seen
            )
    return count


def make_site(folder: Path) -> tuple[Path, Path, str]:
    """Makes a site; returns its folder, the file of its token, and a device's token."""
    site, token = folder / "site", folder / "token"
    token.write_text(init_site(site))
    return site, token, open_site(site).device_token_path.read_text().strip()


def make_project(server: Server, folder: Path) -> Sequence[str]:
    """Makes the project; returns the options of the commands that use it."""
    connection = folder / "connection.json"
    write_connection(connection, Connection(address=server.address, token=server.token))
    options = ["--title", "Closed loop", "--connection", str(connection)]
    classes = folder / "classes.txt"
    classes.write_text("carton\ntube")
    assert main(["project", str(classes), "--answers", "2", *options]) == 0
    return options


def tasks_of(server: Server, title: str) -> list[dict[str, Any]]:
    client = server.client()
    project = next(p.id for p in client.projects() if p.title == title)
    return [dict(task) for page in every_task(client, project) for task in page]
