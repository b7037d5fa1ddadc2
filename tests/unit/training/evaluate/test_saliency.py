"""Heat lies where the score comes from: on the object, or beside it if the model looks there."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from blob_station import HEIGHT_PX, WIDTH_PX, write_manifest
from onnx import TensorProto, helper

from beltmark.contract.package import load_package
from edge_agent.vision.detector import Detector
from training.evaluate.saliency import explain
from training.evaluate.saliency_drawing import overlay

OBJECT = (80.0, 50.0, 130.0, 100.0)
BESIDE = (142, 50, 152, 100)


def _detector(folder: Path, looks_at: tuple[int, int, int, int]) -> Detector:
    """A model that always answers with one box; its score is how red it is in one place."""
    left, top, right, bottom = looks_at
    weight = np.zeros((1, HEIGHT_PX, WIDTH_PX, 3), np.float32)
    weight[0, top:bottom, left:right, 2] = 1 / (255 * (bottom - top) * (right - left))
    constants = {
        "weight": weight,
        "axes": np.array([1, 2, 3]),
        "axis": np.array([1]),
        "boxes": np.array([[OBJECT]], np.float32),
        "shares": np.array([[0.95, 0.05, 0.05]], np.float32),
        "embedding": np.zeros((1, 1, 3), np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["x", "weight"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "axes"], ["red"], keepdims=0),
        helper.make_node("Unsqueeze", ["red", "axis"], ["red1"]),
        helper.make_node("Mul", ["red1", "shares"], ["score"]),
        helper.make_node("Unsqueeze", ["score", "axis"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "looks",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, HEIGHT_PX, WIDTH_PX, 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, width])
            for name, width in {"boxes": 4, "scores": 3, "embedding": 3}.items()
        ],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    (folder / "golden").mkdir()
    onnx.save(model, folder / "model.onnx")
    golden = {"images": [], "instruction_set": "none"}
    (folder / "golden/golden.json").write_text(json.dumps(golden))
    write_manifest(
        folder, input={"height_px": HEIGHT_PX, "width_px": WIDTH_PX, "colour_order": "BGR"}
    )
    return Detector(load_package(folder))


def _scene() -> np.ndarray:
    image = np.full((HEIGHT_PX, WIDTH_PX, 3), 40, np.uint8)
    image[50:100, 80:130] = (30, 30, 240)
    image[50:100, 142:152] = (30, 30, 240)
    return image


def test_heat_lies_on_the_object_that_carries_the_score(tmp_path: Path) -> None:
    detector = _detector(tmp_path, looks_at=(85, 55, 125, 95))
    found = explain(detector, _scene(), OBJECT, class_index=0)
    assert found.score == pytest.approx(0.95 * 240 / 255, abs=0.01)
    assert found.inside_share is not None
    assert found.inside_share > 0.8
    left, top, _, _ = found.region_xyxy_px
    assert found.heat[75 - top, 105 - left] > 0.1
    assert found.heat[75 - top, 147 - left] < 0.03
    assert found.looks <= 120


def test_a_model_that_looks_beside_the_object_is_found_out(tmp_path: Path) -> None:
    detector = _detector(tmp_path, looks_at=BESIDE)
    found = explain(detector, _scene(), OBJECT, class_index=0)
    assert found.inside_share is not None
    assert found.inside_share < 0.25
    left, top, _, _ = found.region_xyxy_px
    assert found.heat[75 - top, 147 - left] > 0.1
    assert found.heat[75 - top, 100 - left] < 0.03


def test_the_finest_part_that_tells_is_found(tmp_path: Path) -> None:
    detector = _detector(tmp_path, looks_at=(82, 52, 92, 62))
    found = explain(detector, _scene(), OBJECT, class_index=0)
    left, top, _, _ = found.region_xyxy_px
    row, column = np.unravel_index(int(found.heat.argmax()), found.heat.shape)
    assert abs(column + left - 87) <= 9
    assert abs(row + top - 57) <= 9


def test_without_a_score_there_is_no_heat_and_a_box_at_the_edge_is_no_trouble(
    tmp_path: Path,
) -> None:
    detector = _detector(tmp_path, looks_at=BESIDE)
    dark = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    nothing = explain(detector, dark, OBJECT, class_index=0)
    assert nothing.inside_share is None
    assert not nothing.heat.any()
    edge = (0.0, 0.0, 12.0, 160.0)
    found = explain(detector, _scene(), edge, class_index=1)
    drawn = overlay(_scene(), found, edge)
    assert drawn.shape == (*found.heat.shape, 3)
