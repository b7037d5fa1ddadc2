"""From a handful of drawn images to a package, stopped and killed in between, as users do it."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from training_runs import stop, what_it_is

from beltmark.contract.documents import read_document
from beltmark.contract.package import load_package
from beltmark.contract.release import load_release
from edge_agent.vision.detector import Detector
from training.cli import main
from training.evaluate.document import EvaluationDocument

pytestmark = pytest.mark.xdist_group("training")

CONFIG = """
name = "tiny"
none_of_these = "disc"

[data]
annotations = "{annotations}"
test_scenes = [2]

[input]
width_px = 96
height_px = 64

[training]
steps = {steps}
batch_size = 4
workers = {workers}
warmup_steps = 2
frozen_stages = 5
threads = 1
save_every_s = 0.000001

[augment]
mosaic_share = 0.3
paste_share = 0.3

[[augment.pipeline]]
name = "HorizontalFlip"

[compress]
calibration_images = 8
calibration = "average"
most_float_share = 0

[tracking]
enabled = false
"""

LAYOUT = """
format_version = 1
name = "Tiny"
width_mm = 40
height_mm = 20
[[elements]]
kind = "text"
x_mm = 2
y_mm = 2
size_mm = 4
max_width_mm = 36
text = "{{ product.name }}"
"""


def write_dataset(folder: Path) -> Path:
    """Twelve pictures of yellow boxes and red discs on grey, in three scenes."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(12):
        picture = rng.integers(30, 60, (80, 120, 3)).astype(np.uint8)
        x, y = int(rng.integers(5, 40)), int(rng.integers(5, 40))
        cv2.rectangle(picture, (x, y), (x + 34, y + 24), (30, 200, 230), cv2.FILLED)
        cv2.circle(picture, (x + 60, y + 12), 12, (40, 30, 210), cv2.FILLED)
        name = f"images/{index}.png"
        cv2.imwrite(str(folder / name), picture)
        images.append(
            {"id": index, "file_name": name, "width": 120, "height": 80, "scene": index % 3}
        )
        for category, box in ((1, [x, y, 35, 25]), (2, [x + 48, y, 25, 25])):
            annotations.append(
                {"id": len(annotations), "image_id": index, "category_id": category, "bbox": box}
            )
    content = {
        "categories": [{"id": 1, "name": "box"}, {"id": 2, "name": "disc"}],
        "images": images,
        "annotations": annotations,
    }
    path = folder / "annotations.json"
    path.write_text(json.dumps(content))
    return path


def write_config(folder: Path, *, steps: int, workers: int = 0) -> Path:
    annotations = folder / "annotations.json"
    if not annotations.exists():
        write_dataset(folder)
    path = folder / f"{steps}.toml"
    path.write_text(CONFIG.format(annotations=annotations, steps=steps, workers=workers))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run, with its data beside `out`."""
    folder = tmp_path_factory.mktemp("trained")
    config = write_config(folder, steps=12)
    assert main(["run", str(config), "--out", str(folder / "out")]) == 0
    return folder


def test_a_run_ends_in_a_package_that_can_be_evaluated(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = trained / "out"
    package = load_package(out / "package")
    manifest = package.manifest
    assert manifest.classes == ("box", "disc")
    assert manifest.input.colour_order == "BGR"
    assert manifest.curve
    assert manifest.lineage is not None
    assert manifest.lineage.dataset_sha256 != manifest.lineage.config_sha256
    Detector(package).detect(cv2.imread(str(trained / "images/0.png")))
    assert len(package.golden().images) == 4
    load_package(out / "reference-fp32")
    metrics = json.loads((out / "report" / "metrics.json").read_text())["metrics"]
    assert {"ap50", "ap50_fp32", "model_ms"} <= set(metrics)
    assert "Model card" in (out / "report" / "report.html").read_text()
    assert not (out / "tracking.jsonl").exists()

    numbers = tmp_path / "numbers.json"
    data = str(trained / "annotations.json")
    arguments = ["evaluate", str(out / "package"), "--data", data, "--json", str(numbers)]
    arguments += ["--reference", str(out / "reference-fp32"), "--checkpoint", str(out / "last.pt")]
    assert main([*arguments, "--scenes", "2", "--only", "detection,parity"]) == 0
    measured = read_document(numbers, EvaluationDocument).numbers()
    assert measured["detection.ap50"] == pytest.approx(metrics["ap50"], abs=1e-5)
    apart = measured["parity.torch_reference_scores_max"]
    assert apart is not None
    assert apart < 1e-3
    capsys.readouterr()
    assert main([*arguments, "--scenes", "7"]) == 2
    assert "no image" in capsys.readouterr().err


def test_a_second_run_does_not_replace_what_the_first_proved(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(trained / "12.toml"), "--out", str(trained / "out")]) == 2
    assert "exists already" in capsys.readouterr().err


def test_a_release_is_refused_where_its_parts_do_not_fit(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "package"
    shutil.copytree(trained / "out" / "package", package)
    # So few steps teach nothing; what a good model's curve would say is put in its place.
    manifest = json.loads((package / "manifest.json").read_text())
    manifest["curve"] = [
        {"threshold": 0.3, "precision": 0.9, "coverage": 0.9},
        {"threshold": 0.7, "precision": 0.99, "coverage": 0.8},
    ]
    (package / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "layouts").mkdir()
    (tmp_path / "layouts/item.toml").write_text(LAYOUT)
    catalogue = tmp_path / "catalogue.csv"
    catalogue.write_text("sku,gtin,name,class_name\nB-1,9521234500018,Box,box\n")
    arguments = [
        "release", str(package), "--catalogue", str(catalogue),
        "--layouts", str(tmp_path / "layouts"), "--target-precision", "0.95", "--out",
    ]  # fmt: skip
    assert main([*arguments, str(tmp_path / "good")]) == 0
    assert load_release(tmp_path / "good").policy.threshold == 0.7

    catalogue.write_text("sku,gtin,name,class_name\nB-1,9521234500018,Box,crate\n")
    assert main([*arguments, str(tmp_path / "bad")]) == 2
    assert "crate" in capsys.readouterr().err
    assert not (tmp_path / "bad").exists()
    assert main([*arguments, str(tmp_path / "sure"), "--target-precision", "0.999"]) == 2
    assert "curve" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("nonsense", "not valid TOML"),
        (CONFIG.format(annotations="nowhere.json", steps=1, workers=0), "no such file"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], config: str, told: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(config)
    assert main(["run", str(path), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.splitlines()) == 1


@pytest.mark.long
def test_a_run_stopped_at_any_point_goes_on_and_ends_as_one_that_was_not(
    trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = trained / "workers.toml"
    config.write_text((trained / "12.toml").read_text().replace("workers = 0", "workers = 1"))
    out = tmp_path / "out"
    told = stop(config, out, signal.SIGTERM, (out / "last.pt").exists)
    assert "--resume" in told
    assert "Traceback" not in told
    # While a checkpoint is written, the one before must do.
    told = stop(config, out, signal.SIGKILL, (out / "last.tmp").exists, "--resume")
    assert "resumed at step" in told
    stop(config, out, signal.SIGKILL, lambda: any(out.glob("stages/int8*")), "--resume")
    assert not (out / "package").exists()

    def run_on() -> str:
        caplog.clear()
        assert main(["run", str(config), "--out", str(out), "--resume"]) == 0
        return caplog.text

    told = run_on()
    assert "resumed at step 12" in told
    assert "core: kept from before" in told
    assert "int8: kept from before" in told
    assert what_it_is(out / "package") == what_it_is(trained / "out" / "package")
    assert {path.name for path in out.iterdir()} == {
        path.name for path in (trained / "out").iterdir()
    }
    assert "all is done already" in run_on()


def test_a_checkpoint_of_another_configuration_is_refused(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = ["run", str(write_config(trained, steps=13)), "--out", str(tmp_path), "--resume"]
    assert main(other) == 2
    assert "no checkpoint" in capsys.readouterr().err
    shutil.copyfile(trained / "out" / "last.pt", tmp_path / "last.pt")
    assert main(other) == 2
    assert "another configuration" in capsys.readouterr().err
