"""Exports the trained network to ONNX, fp32; making it int8 is left to `compress.quantise`.

The core takes the normalised image, as the quantiser needs it. The reference around it takes the
camera's pixels, like the int8 model, so that both can be compared through the edge's detector.
"""

import contextlib
import io
import tempfile
from pathlib import Path

import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from beltmark.contract.package import InputSpec, OutputSpec, Task
from training.model import classifier, detector
from training.model.backbone import PIXEL_SCALE, PIXEL_ZERO
from training.model.classifier import ClassificationNetwork
from training.model.detector import DetectionNetwork, places, to_boxes

CORE_INPUT = "normalised"
OPSET = 20


def outputs_of(task: Task) -> OutputSpec:
    """Returns the outputs that an exported network of this task has."""
    size = classifier.EMBEDDING_SIZE if task == "classify" else detector.EMBEDDING_SIZE
    return OutputSpec(embedding_size=size)


class _DetectionCore(nn.Module):
    """The network with decoded boxes and probabilities."""

    def __init__(self, network: DetectionNetwork, height_px: int, width_px: int) -> None:
        super().__init__()
        self.network = network
        centres, strides = places(height_px, width_px)
        self.register_buffer("centres", centres)
        self.register_buffer("strides", strides)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps [1, 3, H, W] to boxes [1, N, 4], scores [1, N, C] and embedding [1, N, D]."""
        raw = self.network(image)
        assert isinstance(self.centres, Tensor)
        assert isinstance(self.strides, Tensor)
        boxes = to_boxes(raw.distances, self.centres, self.strides)
        return boxes, raw.logits.sigmoid(), raw.embedding


class _ClassificationCore(nn.Module):
    """The network with probabilities, as one candidate that is the whole input."""

    def __init__(self, network: ClassificationNetwork, height_px: int, width_px: int) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("whole", torch.tensor([[[0.0, 0.0, width_px, height_px]]]))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps [1, 3, H, W] to boxes [1, 1, 4], scores [1, 1, C] and embedding [1, 1, D]."""
        raw = self.network(image)
        assert isinstance(self.whole, Tensor)
        return self.whole.clone(), raw.logits.softmax(1)[:, None], raw.embedding[:, None]


def core_of(network: DetectionNetwork | ClassificationNetwork, spec: InputSpec) -> nn.Module:
    """Returns the network from [1, 3, H, W], normalised, to boxes, scores and embedding."""
    size_px = spec.height_px, spec.width_px
    core: nn.Module = (
        _ClassificationCore(network, *size_px)
        if isinstance(network, ClassificationNetwork)
        else _DetectionCore(network, *size_px)
    )
    return core.eval()


def export_core(
    network: DetectionNetwork | ClassificationNetwork, spec: InputSpec
) -> onnx.ModelProto:
    """Exports the network with normalisation folded into its convolutions.

    Returns:
        A model from `normalised`, float32 [1, 3, H, W], to the package's named outputs.
    """
    core = core_of(network, spec).to(memory_format=torch.contiguous_format)
    outputs = OutputSpec(embedding_size=1)
    example = torch.zeros(1, 3, spec.height_px, spec.width_px)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exported.onnx"
        with contextlib.redirect_stdout(io.StringIO()):  # the exporter tells its steps
            torch.onnx.export(
                core,
                (example,),
                path,
                dynamo=True,
                external_data=False,
                opset_version=OPSET,
                input_names=[CORE_INPUT],
                output_names=[outputs.boxes, outputs.scores, outputs.embedding],
            )
        return _folded(path)


def with_pixels(core: onnx.ModelProto, spec: InputSpec) -> onnx.ModelProto:
    """Returns the fp32 reference: the core behind normalisation, from uint8 [1, H, W, 3]."""
    model = onnx.ModelProto()
    model.CopyFrom(core)
    constants = {"pixel_zero": float(PIXEL_ZERO), "pixel_scale": float(PIXEL_SCALE)}
    for name, value in constants.items():
        model.graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, [], [value]))
    front = [
        helper.make_node("Transpose", [spec.name], ["pixels"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["pixels"], ["pixels_float"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["pixels_float", "pixel_zero"], ["pixels_centred"]),
        helper.make_node("Div", ["pixels_centred", "pixel_scale"], [CORE_INPUT]),
    ]
    replace_input(model, front, spec)
    onnx.checker.check_model(model)
    return model


def replace_input(model: onnx.ModelProto, front: list[onnx.NodeProto], spec: InputSpec) -> None:
    """Puts nodes before the graph, and makes its input uint8 [1, H, W, 3] as `spec` names it."""
    nodes = [*front, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.input[:]
    shape = [1, spec.height_px, spec.width_px, 3]
    model.graph.input.append(helper.make_tensor_value_info(spec.name, TensorProto.UINT8, shape))


def _folded(path: Path) -> onnx.ModelProto:
    """Folds normalisation and padding into the convolutions, as onnxruntime's basic level does."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    folded = path.with_name("folded.onnx")
    options.optimized_model_filepath = str(folded)
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return onnx.load(folded)
