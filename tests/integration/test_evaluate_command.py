"""`beltmark-train evaluate` as a user calls it, on the bundled package and its golden images."""

import contextlib
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from beltmark.contract.documents import read_document, sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.package import ModelPackage, load_package
from beltmark.datasets.images import decode_image
from beltmark.datasets.opening import read_dataset
from edge_agent.vision.detector import Detector
from training.cli import main
from training.evaluate.cache import Look, LookCache, key_prefix
from training.evaluate.document import EvaluationDocument
from training.evaluate.evaluation import evaluate
from training.evaluate.twin import TorchTwin
from training.model.backbones import DEFAULT, make_backbone
from training.model.detector import DetectionNetwork

PACKAGE = Path(__file__).parents[2] / "beltmark" / "bundled" / "release" / "package"
QUICK = "detection,classification,slices,calibration,open_set,annotators,mistakes"


@pytest.fixture(scope="module")
def package() -> ModelPackage:
    return load_package(PACKAGE)


@pytest.fixture(scope="module")
def data(package: ModelPackage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden images; what they are expected to show is taken for the truth, where it is sure.

    One more image of each holds a class that the model does not know; categories are in another
    order than the model's.
    """
    folder = tmp_path_factory.mktemp("golden")
    names = ["stapler", *reversed(package.manifest.classes)]
    images, annotations = [], []
    for number, expected in enumerate(package.golden().images, 1):
        name = Path(expected.image).name
        shutil.copy(PACKAGE / expected.image, folder / name)
        picture = decode_image((folder / name).read_bytes())
        assert picture is not None
        height, width = picture.shape[:2]
        images.append({"id": 10 * number, "file_name": name, "width": width, "height": height,
                       "scene": number})  # fmt: skip
        for box, class_name, score in zip(
            expected.boxes_xyxy_px, expected.class_names, expected.scores, strict=True
        ):
            if score < 0.5:
                continue
            left, top, right, bottom = box
            annotations.append(
                {"id": len(annotations) + 1, "image_id": 10 * number, "iscrowd": 0,
                 "category_id": names.index(class_name) + 5,
                 "area": (right - left) * (bottom - top),
                 "bbox": [left, top, right - left, bottom - top]}
            )  # fmt: skip
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": k + 5, "name": name} for k, name in enumerate(names)],
    }
    path = folder / "annotations.json"
    path.write_text(json.dumps(content))
    return path


def run(*arguments: object) -> int:
    return main(["evaluate", "--draws", "40", *map(str, arguments)])


def test_what_is_measured_is_what_pycocotools_measures(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, detections = tmp_path / "new" / "evaluation.json", tmp_path / "detections.json"
    code = run(PACKAGE, "--data", data, "--only", QUICK, "--json", out, "--detections", detections)
    assert code == 0
    document = read_document(out, EvaluationDocument)
    numbers = document.numbers()
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(data))
        judge = COCOeval(coco, coco.loadRes(str(detections)), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    assert numbers["detection.ap50_95"] == pytest.approx(judge.stats[0], abs=1e-3)
    assert numbers["detection.ap50"] == pytest.approx(judge.stats[1], abs=1e-3)
    assert numbers["detection.ap75"] == pytest.approx(judge.stats[2], abs=1e-3)
    assert numbers["detection.ar100"] == pytest.approx(judge.stats[8], abs=1e-3)
    # On this processor the model finds again what is golden; on others at most a little less.
    assert judge.stats[1] > 0.8
    assert document.data.unknown_classes == ("stapler",)
    assert document.left_out.keys() >= {"annotators"}
    told = capsys.readouterr().out
    assert "detection.ap50" in told
    assert "annotators: left out" in told


def test_one_part_of_a_split_is_judged(data: Path, tmp_path: Path) -> None:
    split, told = tmp_path / "split.json", tmp_path / "told.json"
    shares = ("--shares", "0.5,0.25,0.25")
    assert main(["data", "split", str(data), "--by", "scene", *shares, "--out", str(split)]) == 0
    part = ("--split", split, "--part", "train", "--only", "detection")
    assert run(PACKAGE, "--data", data, *part, "--json", told) == 0
    document = read_document(told, EvaluationDocument)
    assert document.data.images == 2
    assert document.data.part == f"part train of {split}"


def test_an_interrupted_evaluation_goes_on(
    package: ModelPackage, data: Path, tmp_path: Path
) -> None:
    images = read_dataset(data).images
    cache = tmp_path / "cache"

    class StoppedError(Exception):
        pass

    seen = []

    def stop_after_two() -> None:
        seen.append(1)
        if len(seen) == 2:
            raise StoppedError

    with pytest.raises(StoppedError), LookCache(cache) as open_cache:
        evaluate(package, images, cache=open_cache, on_image=stop_after_two)
    prefix = key_prefix(package)
    with LookCache(cache) as open_cache:
        keys = [f"{prefix}-{_sha256(image.path)}" for image in images]
        kept = [open_cache.get(key) is not None for key in keys]
        assert kept[:2] == [True, True]
        assert not any(kept[2:])
        # What is kept is not looked at again: a mark put into it is found again.
        first = images[0]
        mark = np.array([[1, 2, 33, 44]], np.float32)
        scores = np.full((1, len(package.manifest.classes)), 0.25, np.float32)
        open_cache.put(keys[0], Look(mark, scores, (first.width_px, first.height_px), 1.0, 2.0))
        again = evaluate(package, images, cache=open_cache)
    np.testing.assert_array_equal(again.seen[0].found.boxes, mark)
    plain = evaluate(package, images)
    for one, two in zip(again.seen[1:], plain.seen[1:], strict=True):
        np.testing.assert_array_equal(one.found.boxes, two.found.boxes)
        assert one.sharpness == two.sharpness


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--data", "missing.json"], "missing.json"),
        (["--only", "speeed"], "no section"),
        (["--scenes", "99"], "known scenes are 1, 2"),
        (["--part", "test"], "without a split there are no parts"),
        (["--json", "/"], "is a folder"),
        (["--reference", "nowhere"], "no such model package"),
        (["--unknown", "nowhere.json"], "nowhere.json"),
        (["--cache", "/proc/nothing"], "cannot be made"),
        (["--only", "parity", "--checkpoint", "nowhere.pt"], "no such file"),
    ],
)
def test_bad_input_is_told_in_a_line(
    arguments: Sequence[str], told: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments if "--data" in arguments else ["--data", str(data), *arguments]
    assert run(PACKAGE, *given) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


def test_against_itself_nothing_is_lost(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "evaluation.json"
    code = run(PACKAGE, "--data", data, "--only", "parity", "--reference", PACKAGE, "--json", out)
    assert code == 0
    numbers = read_document(out, EvaluationDocument).numbers()
    assert numbers["parity.reference_package_scores_max"] == 0
    assert numbers["parity.reference_package_boxes_correlation"] == pytest.approx(1)
    assert numbers["parity.reference_package_agreement"] == 1
    assert numbers["parity.loss_reference_points"] == 0


def test_the_network_in_torch_stands_behind_the_detectors_stages(
    package: ModelPackage, data: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    manifest = package.manifest
    network = DetectionNetwork(make_backbone(DEFAULT), len(manifest.classes)).eval()
    path = tmp_path / "last.pt"
    torch.save({"average": network.state_dict()}, path)
    twin = TorchTwin(path, manifest)
    picture = decode_image(read_dataset(data).images[0].path.read_bytes())
    assert picture is not None
    detector = Detector(package)
    model_input, _ = detector.prepare(picture)
    ours, theirs = twin.infer(model_input), detector.infer(model_input)
    assert ours.boxes_xyxy_px.shape == theirs.boxes_xyxy_px.shape
    assert ours.scores.shape == theirs.scores.shape
    assert ours.embedding.shape == theirs.embedding.shape
    assert 0 < ours.scores.min() < ours.scores.max() < 1


@pytest.mark.parametrize("content", [b"", b"nonsense" * 50])
def test_what_is_no_checkpoint_is_told(
    content: bytes, package: ModelPackage, tmp_path: Path
) -> None:
    path = tmp_path / "last.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a checkpoint"):
        TorchTwin(path, package.manifest)


def _sha256(path: Path) -> str:
    return sha256_of(path.read_bytes())
