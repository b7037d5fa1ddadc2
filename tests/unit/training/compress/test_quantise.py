"""The int8 graph as onnxruntime runs it, with an untrained network of the real shape."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from beltmark.contract.package import InputSpec
from training.compress.quantise import full_precision_nodes, quantise
from training.compress.ranges import observe
from training.export import export_core, with_pixels
from training.model.backbones import DEFAULT, make_backbone
from training.model.detector import DetectionNetwork

pytestmark = pytest.mark.xdist_group("quantise")

SPEC = InputSpec(height_px=64, width_px=96, colour_order="BGR")


def pictures(count: int) -> Iterator[Any]:
    rng = np.random.default_rng(0)
    for _ in range(count):
        coarse = rng.integers(0, 256, (1, 8, 12, 3)).astype(np.uint8)
        yield coarse.repeat(8, axis=1).repeat(8, axis=2)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, onnx.ModelProto]:
    torch.manual_seed(0)
    network = DetectionNetwork(make_backbone(DEFAULT, has_top=True), 3, has_context=True)
    network.backbone.load_imagenet()
    network.eval()
    core = export_core(network, SPEC)
    folder = tmp_path_factory.mktemp("models")
    onnx.save(with_pixels(core, SPEC), folder / "fp32.onnx")
    ranges = observe(core, list(pictures(8)), ["average"])["average"]
    onnx.save(quantise(core, ranges, SPEC), folder / "int8.onnx")
    return folder / "fp32.onnx", folder / "int8.onnx", core


def session(path: Path, optimised: Path | None = None) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.x64quantprecision", "1")  # as the detector does
    if optimised is not None:
        options.optimized_model_filepath = str(optimised)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def test_no_float_work_is_left_in_front(
    models: tuple[Path, Path, onnx.ModelProto], tmp_path: Path
) -> None:
    session(models[1], tmp_path / "optimised.onnx")
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    before = kinds[: kinds.index("QLinearConv")]
    assert set(before) <= {"Transpose"}, before
    assert "QuantizeLinear" not in kinds
    assert "Pad" not in kinds
    assert kinds.count("QLinearConv") > 10 * kinds.count("Conv")


def test_int8_answers_like_fp32(models: tuple[Path, Path, onnx.ModelProto]) -> None:
    before, after = session(models[0]), session(models[1])
    for image in pictures(3):
        exact = before.run(None, {"image": image})
        rough = after.run(None, {"image": image})
        for one, two in zip(exact, rough, strict=True):
            assert one.shape == two.shape
            spread = one.std() + 1e-6  # of an untrained network: places differ little
            assert np.abs(one - two).mean() < 0.4 * spread


def test_the_last_convolutions_stay_float(
    models: tuple[Path, Path, onnx.ModelProto],
) -> None:
    core = models[2]
    kept = set(full_precision_nodes(core))
    kinds = [node.op_type for node in core.graph.node if node.name in kept]
    assert kinds.count("Conv") == 6
    assert "Clip" not in kinds
    assert "Sigmoid" in kinds
    outputs = {name for node in core.graph.node if node.name in kept for name in node.output}
    assert {"boxes", "scores"} <= outputs


def test_the_reference_is_the_network(models: tuple[Path, Path, onnx.ModelProto]) -> None:
    torch.manual_seed(0)
    network = DetectionNetwork(make_backbone(DEFAULT, has_top=True), 3, has_context=True)
    network.backbone.load_imagenet()
    network.eval()
    image = next(pictures(1))
    with torch.no_grad():
        pixels = torch.from_numpy(image).permute(0, 3, 1, 2).float()
        logits = network((pixels - 127) / 128).logits
    scores = session(models[0]).run(["scores"], {"image": image})[0]
    np.testing.assert_allclose(scores, logits.sigmoid().numpy(), atol=1e-5)
