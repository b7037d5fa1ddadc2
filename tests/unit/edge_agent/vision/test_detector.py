"""The detector with a tiny model made here: fixed candidates, no training needed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.package import load_package
from edge_agent.vision.detector import Detector

BOXES = [[8, 8, 40, 32], [8, 8, 41, 32], [64, 32, 90, 60], [0, 0, 5, 5]]
SCORES = [[0.9, 0.2], [0.7, 0.1], [0.1, 0.6], [0.01, 0.02]]


def write_model(path: Path, *, dtype: int = TensorProto.UINT8, classes: int = 2) -> None:
    """Writes a model that answers with the same candidates whatever it sees."""
    scores = np.array(SCORES, np.float32)[None, :, :classes]
    constants = {
        "boxes": np.array(BOXES, np.float32)[None],
        "scores": scores,
        "embedding": np.arange(12, dtype=np.float32).reshape(1, 4, 3),
    }
    nodes = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))
        for name, value in constants.items()
    ]
    nodes.append(helper.make_node("Shape", ["image"], ["unused"]))
    graph = helper.make_graph(
        nodes,
        "fixed",
        [helper.make_tensor_value_info("image", dtype, [1, 64, 96, 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape)
            for name, value in constants.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    onnx.save(model, path)


def write_package(folder: Path, *, model: bytes | None = None, **changes: Any) -> Path:
    (folder / "golden").mkdir(parents=True)
    if model is None:
        write_model(folder / "model.onnx")
    else:
        (folder / "model.onnx").write_bytes(model)
    (folder / "golden/golden.json").write_text('{"images": [], "instruction_set": "none"}')
    manifest = {
        "name": "fixed",
        "classes": ["carton", "cup"],
        "input": {"height_px": 64, "width_px": 96},
        "outputs": {"embedding_size": 3},
        "files": {
            name: sha256_of((folder / name).read_bytes())
            for name in ("model.onnx", "golden/golden.json")
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
    return folder


def test_detections_are_in_image_pixels_best_first(tmp_path: Path) -> None:
    detector = Detector(load_package(write_package(tmp_path / "p")))
    detections = detector.detect(np.zeros((128, 192, 3), np.uint8))
    assert [d.class_name for d in detections] == ["carton", "cup"]
    assert detections[0].box_xyxy_px == pytest.approx((16, 16, 80, 64))
    assert detections[0].score == pytest.approx(0.9)
    assert detections[1].class_scores.tolist() == pytest.approx([0.1, 0.6])
    assert detections[1].embedding.tolist() == [6, 7, 8]
    assert detector.classes == ("carton", "cup")


def test_a_classifier_has_one_candidate(tmp_path: Path) -> None:
    package = load_package(write_package(tmp_path / "p", task="classify"))
    with pytest.raises(InputError, match="one candidate, the whole image, but this gives 4"):
        Detector(package)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    package = load_package(write_package(tmp_path / "p", model=b"no model at all"))
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        Detector(package)
    assert caught.value.file == package.model_path


def test_a_model_that_went_away_is_refused(tmp_path: Path) -> None:
    package = load_package(write_package(tmp_path / "p"))
    package.model_path.unlink()
    with pytest.raises(InputError, match="no such model"):
        Detector(package)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"input": {"height_px": 64, "width_px": 64}}, "input"),
        ({"input": {"height_px": 64, "width_px": 96, "name": "picture"}}, "input"),
        ({"classes": ["carton", "cup", "tube"]}, "outputs.scores"),
        ({"outputs": {"embedding_size": 5}}, "outputs.embedding"),
        ({"outputs": {"embedding_size": 3, "boxes": "corners"}}, "outputs.boxes"),
    ],
)
def test_a_model_that_is_not_what_its_manifest_says_is_refused(
    tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    package = load_package(write_package(tmp_path / "p", **changes))
    with pytest.raises(InputError) as caught:
        Detector(package)
    assert caught.value.field == field
    assert "manifest" in caught.value.mend


def test_a_model_that_takes_floats_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "float.onnx", dtype=TensorProto.FLOAT)
    content = (tmp_path / "float.onnx").read_bytes()
    with pytest.raises(InputError, match="uint8"):
        Detector(load_package(write_package(tmp_path / "p", model=content)))
