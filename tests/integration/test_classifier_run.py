"""From a folder per class to a package, killed in between, as users do it with photographs."""

import json
import shutil
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from training_runs import stop, what_it_is

from beltmark.contract.documents import read_document
from beltmark.contract.package import load_package
from edge_agent.vision.detector import Detector
from training.cli import main
from training.compress.record import CompressionRecord
from training.evaluate.document import EvaluationDocument
from training.presets import read_config
from training.unconfigured import write_derived

pytestmark = pytest.mark.xdist_group("training")

CONFIG = """
name = "tiny"
task = "classify"
target_precision = 0.8

[data]
annotations = "{data}"
validation_share = 0.2
test_share = 0.25

[input]
width_px = 64
height_px = 64

[training]
steps = 28
batch_size = 8
workers = 0
warmup_steps = 2
learning_rate = 0.01
average_decay = 0.8
frozen_stages = 4
threads = 1
dropout = 0.2
label_smoothing = 0.05
mixup = 0.2

[augment]
preset = "photographs"

[compress]
calibration_images = 32
calibration = "percentile_99.99"
most_float_share = 0

[tracking]
enabled = false
"""
CLASSES = {"Big Box": (40, 190, 230), "disc": (40, 30, 210), "tube": (200, 60, 30)}


def draw_photographs(folder: Path) -> None:
    """Sixteen pictures of each of three shapes, on grounds that differ, as wide as they are not."""
    rng = np.random.default_rng(0)
    for name, colour in CLASSES.items():
        (folder / name).mkdir(parents=True)
        for index in range(16):
            coarse = rng.integers(90, 160, (5, 6, 3)).astype(np.uint8)
            picture = cv2.resize(coarse, (96, 80), interpolation=cv2.INTER_CUBIC)
            x, y = (int(value) for value in rng.integers(30, 50, 2))
            if name == "disc":
                cv2.circle(picture, (x, y), 24, colour, cv2.FILLED)
            else:
                half = (26, 20) if name == "Big Box" else (28, 9)
                start, end = (x - half[0], y - half[1]), (x + half[0], y + half[1])
                cv2.rectangle(picture, start, end, colour, cv2.FILLED)
            cv2.imwrite(str(folder / name / f"{index}.png"), picture)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run, with its data and configuration beside `out`."""
    folder = tmp_path_factory.mktemp("classifier")
    draw_photographs(folder / "data")
    (folder / "run.toml").write_text(CONFIG.format(data=folder / "data"))
    assert main(["run", str(folder / "run.toml"), "--out", str(folder / "out")]) == 0
    return folder


def test_photographs_end_in_a_package_that_a_station_reads(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = trained / "out"
    package = load_package(out / "package")
    manifest = package.manifest
    assert manifest.task == "classify"
    assert manifest.classes == ("big_box", "disc", "tube")
    assert manifest.lineage is not None
    assert manifest.lineage.split_sha256 is not None
    detector = Detector(package)
    picture = cv2.imread(str(trained / "data" / "disc" / "3.png"))
    assert picture is not None
    (found,) = detector.detect(np.asarray(picture, np.uint8))
    assert found.box_xyxy_px == (0, 0, 96, 80)
    golden = package.golden()
    assert len({expected.image for expected in golden.images}) == 4

    metrics = json.loads((out / "report" / "metrics.json").read_text())["metrics"]
    assert metrics["top1"] >= 0.75  # of three classes: far more than chance
    assert abs(metrics["top1"] - metrics["top1_fp32"]) <= 0.17
    page = (out / "report" / "report.html").read_text()
    assert "top-1" in page
    assert "Calibration" in page or "calibration" in page

    numbers = tmp_path / "numbers.json"
    command = ["evaluate", str(out / "package"), "--data", str(trained / "data")]
    command += ["--split", str(out / "split.json"), "--json", str(numbers)]
    command += ["--reference", str(out / "reference-fp32"), "--checkpoint", str(out / "last.pt")]
    assert main([*command, "--only", "classification,parity,mistakes"]) == 0
    measured = read_document(numbers, EvaluationDocument).numbers()
    assert measured["classification.top1"] == pytest.approx(metrics["top1"], abs=1e-5)
    apart = measured["parity.torch_reference_scores_max"]
    assert apart is not None
    assert apart < 5e-3
    capsys.readouterr()


def test_packages_are_told_beside_each_other(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, table = trained / "out", tmp_path / "table.md"
    command = ["compare", str(out), "--data", str(trained / "data")]
    assert main([*command, "--split", str(out / "split.json"), "--out", str(table)]) == 0
    header, _, *rows = table.read_text().splitlines()[2:]
    assert header == "| variant | top1 | model MB | ms | of the first one's time |"
    cells = [row.strip("| ").split(" | ") for row in rows]
    assert [Path(row[0]).name for row in cells] == ["reference-fp32", "package"]
    metrics = json.loads((out / "report" / "metrics.json").read_text())["metrics"]
    assert [float(row[1]) for row in cells] == pytest.approx(
        [metrics["top1_fp32"], metrics["top1"]], abs=1e-4
    )
    assert float(cells[0][-1]) == 1
    assert float(cells[1][2]) < 0.4 * float(cells[0][2])
    capsys.readouterr()
    assert main(["compare", str(tmp_path), "--data", str(trained / "data")]) == 2
    assert "neither a package nor a run's folder" in capsys.readouterr().err


def test_how_it_became_int8_is_kept(trained: Path) -> None:
    record = read_document(trained / "out" / "compression.json", CompressionRecord)
    assert [each.name for each in record.tries] == ["percentile_99.99"]
    assert record.taken == "percentile_99.99"
    assert record.images > 0
    assert "How it became int8" in (trained / "out" / "report" / "report.html").read_text()


@pytest.mark.long
def test_runs_are_averaged_into_one_package(
    trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, out = trained / "run.toml", tmp_path / "out"
    other = tmp_path / "other.toml"
    other.write_text(config.read_text() + "\n[cache]\nlimit_mb = 0\n")
    runs = [str(trained / "out"), str(trained / "out" / "last.pt")]
    assert main(["soup", str(other), *runs, "--out", str(out)]) == 0
    assert "mean of 2 of 2" in caplog.text
    load_package(out / "package")


@pytest.mark.long
def test_a_run_killed_between_its_models_ends_as_one_that_was_not(
    trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, out = trained / "run.toml", tmp_path / "out"
    stop(config, out, signal.SIGKILL, lambda: any(out.glob("stages/core*")))
    assert not list(out.glob("stages/int8*"))
    caplog.clear()
    assert main(["run", str(config), "--out", str(out), "--resume"]) == 0
    assert "resumed at step 28" in caplog.text
    assert "core: kept from before" in caplog.text
    assert "int8: kept from before" not in caplog.text
    assert what_it_is(out / "package") == what_it_is(trained / "out" / "package")
    assert not (out / "stages").exists()


def test_photographs_without_a_class_are_told(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "detect.toml"
    given = (trained / "run.toml").read_text().replace('task = "classify"\n', "")
    for word in ("dropout", "label_smoothing", "mixup"):
        assert main(["run", str(config), "--out", str(tmp_path / "out")]) == 2
        given = "\n".join(line for line in given.splitlines() if not line.startswith(word))
        config.write_text(given)
    capsys.readouterr()
    assert main(["run", str(config), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "has no box" in told
    assert 'task = "classify"' in told
    assert len(told.splitlines()) == 1


def test_photographs_alone_are_enough(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The configuration only: what it makes of a run is tested above."""
    data, out = tmp_path / "data", tmp_path / "out"
    for path in (trained / "data").glob("*/*.png"):
        (data / path.parent.name).mkdir(parents=True, exist_ok=True)
        small = cv2.resize(cv2.imread(str(path)), (32, 32))
        cv2.imwrite(str(data / path.parent.name / path.name), small)
    config = read_config(write_derived(data, "classify", 10_000, out, cores=1))
    assert (config.input.width_px, config.input.height_px) == (64, 64)
    assert config.task == "classify"
    assert config.data.split == out / "split.json"
    assert config.training.steps >= 50
    assert not list(out.glob(".measuring*"))

    start = ["run", "--data", str(data)]
    assert main([*start, "--task", "classify", "--out", str(out)]) == 2
    assert "run.toml: exists already" in capsys.readouterr().err
    assert main([*start, "--task", "detect", "--out", str(tmp_path / "other")]) == 2
    assert "has no box" in capsys.readouterr().err
    assert main(start) == 2
    assert "--task" in capsys.readouterr().err
    (tmp_path / "few" / "cup").mkdir(parents=True)
    shutil.copy(trained / "data" / "disc" / "0.png", tmp_path / "few" / "cup")
    few = ["run", "--data", str(tmp_path / "few"), "--task", "classify"]
    assert main([*few, "--out", str(tmp_path / "few-out")]) == 2
    assert "one class only" in capsys.readouterr().err
    assert not (tmp_path / "few-out").exists()
