"""What each backbone is worth in int8 on this machine: speed, size, and features.

Each is exported and quantised as a run does it, and timed in turn with the others, one thread.
Where its weights are there, a linear probe tells what its features are worth: learnt from fp32's on
some photographs, judged on others by fp32's and by int8's.

    python -m bench.backbones ../shared/data/grocery --write docs/backbones.md
"""

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from beltmark.contract.documents import write_bytes
from beltmark.contract.errors import InputError
from beltmark.contract.package import InputSpec
from beltmark.datasets.dataset import LabelledImage
from beltmark.datasets.images import read_image
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.split import split_as_told
from edge_agent.vision.preprocess import Preprocessor
from edge_agent.vision.processor import instruction_set
from training.compress.quantise import quantise
from training.compress.ranges import observe
from training.evaluate.speed import spread_rows
from training.export import export_core, with_pixels
from training.model.backbones import DEFAULT, make_backbone
from training.model.classifier import ClassificationNetwork
from training.progress import counting

log = logging.getLogger(__name__)

NAMES = (
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "resnet18",
)
SIDE_PX = 224
CALIBRATION_IMAGES = 32
ROUNDS = 30
WARM_UPS = 3
FEATURES = "features"

Pictures = Sequence[NDArray[np.uint8]]


@dataclass
class Worth:
    """What was measured of a backbone.

    Attributes:
        name: Its name.
        has_weights: Whether its features were learnt.
        megabytes: Of the int8 file.
        fp32_ms: Median time of one image, one thread.
        int8_ms: Likewise.
        fp32_right: Share of photographs that the probe names rightly; None without weights.
        int8_right: Likewise with int8's features.
    """

    name: str
    has_weights: bool
    megabytes: float
    fp32_ms: float = 0.0
    int8_ms: float = 0.0
    fp32_right: float | None = None
    int8_right: float | None = None


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and tells."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="photographs with a class each, in parts")
    parser.add_argument("--names", nargs="+", default=NAMES)
    parser.add_argument("--learn", type=int, default=648, help="photographs the probe learns from")
    parser.add_argument("--judge", type=int, default=296, help="photographs it is judged by")
    parser.add_argument("--write", type=Path, help="write the table into this page")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    split = split_as_told(read_dataset(arguments.data))
    learn, judge = _some(split.train, arguments.learn), _some(split.test, arguments.judge)
    spec = InputSpec(height_px=SIDE_PX, width_px=SIDE_PX, colour_order="BGR")
    inputs = [_inputs(images, spec) for images in (learn, judge)]
    classes = [np.array([image.class_index for image in images]) for images in (learn, judge)]
    measured, sessions = [], []
    for name in arguments.names:
        worth, pair = _measure(name, spec, inputs, classes)
        measured.append(worth)
        sessions += pair
    for (worth, kind), taken_ms in zip(
        [(worth, kind) for worth in measured for kind in ("fp32_ms", "int8_ms")],
        _times_ms(sessions, inputs[1][:8]),
        strict=True,
    ):
        setattr(worth, kind, taken_ms)
    told = _table(measured, len(learn), len(judge))
    print(told)
    if arguments.write:
        _write(arguments.write, told)
    return 0


def _measure(
    name: str, spec: InputSpec, inputs: Sequence[Pictures], classes: Sequence[NDArray[np.int64]]
) -> tuple[Worth, list[Any]]:
    """Exports a backbone, makes it int8, and probes it; returns its sessions, fp32 and int8."""
    network = ClassificationNetwork(make_backbone(name, has_top=True), 2)
    try:
        network.backbone.load_imagenet()
        has_weights = True
    except InputError as error:
        log.info("%s", error.problem)
        has_weights = False
    core = export_core(network.eval(), spec)
    _show_features(core, network.backbone.top_channels)
    ranges = observe(core, inputs[0][:: max(len(inputs[0]) // CALIBRATION_IMAGES, 1)], ["average"])
    int8 = quantise(core, ranges["average"], spec)
    sessions = [_session(with_pixels(core, spec)), _session(int8)]
    worth = Worth(name, has_weights, int8.ByteSize() / 1e6)
    if has_weights:
        learnt = _features(sessions[0], inputs[0], name)
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
        probe.fit(learnt, classes[0])
        worth.fp32_right, worth.int8_right = (
            float((probe.predict(_features(each, inputs[1], name)) == classes[1]).mean())
            for each in sessions
        )
    log.info("%s", worth)
    return worth, sessions


def _show_features(core: onnx.ModelProto, channels: int) -> None:
    """Makes the mean features an output."""
    mean = next(node for node in core.graph.node if node.op_type == "ReduceMean")
    own = mean.output[0]
    core.graph.node.append(helper.make_node("Identity", [own], [FEATURES], FEATURES))
    shown = helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, [1, channels])
    core.graph.output.append(shown)


def _session(model: onnx.ModelProto) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.x64quantprecision", "1")  # as the detector does
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _features(session: Any, pictures: Pictures, name: str) -> NDArray[np.float32]:
    given = session.get_inputs()[0].name
    found = []
    with counting(f"{name}: features", len(pictures)) as count:
        for picture in pictures:
            found.append(session.run([FEATURES], {given: picture})[0].reshape(-1))
            count("")
    return np.array(found, np.float32)


def _times_ms(
    sessions: Sequence[Any],
    pictures: Pictures,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Times sessions in turn, so that what else the machine does hits all alike: medians."""
    taken: list[list[float]] = [[] for _ in sessions]
    for number in range(WARM_UPS + ROUNDS):
        picture = pictures[number % len(pictures)]
        for session, times in zip(sessions, taken, strict=True):
            given = session.get_inputs()[0].name
            begin = clock()
            session.run(None, {given: picture})
            if number >= WARM_UPS:
                times.append(clock() - begin)
    return [float(np.median(times)) * 1000 for times in taken]


def _table(measured: Sequence[Worth], learn: int, judge: int) -> str:
    """Writes what was measured as a Markdown table."""
    base = next((each for each in measured if each.name == DEFAULT), measured[0])
    lines = [
        f"Measured {datetime.now(UTC).date()} on one thread of {instruction_set()}, onnxruntime "
        f"{onnxruntime.__version__}, {SIDE_PX} x {SIDE_PX} pixels; times are medians of {ROUNDS} "
        "rounds over all models in turn. Probe: a linear layer learnt from fp32's features of "
        f"{learn} photographs, judged on {judge} others.",
        "",
        f"| backbone | int8 file MB | fp32 ms | int8 ms | fp32 / int8 | int8, of {base.name}'s "
        "| probe fp32 | probe int8 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in measured:
        right = [
            "no weights here" if share is None else f"{100 * share:.1f} %"
            for share in (each.fp32_right, each.int8_right)
        ]
        lines.append(
            f"| {each.name} | {each.megabytes:.1f} | {each.fp32_ms:.1f} | {each.int8_ms:.1f} "
            f"| {each.fp32_ms / each.int8_ms:.2f} | {each.int8_ms / base.int8_ms:.2f} "
            f"| {right[0]} | {right[1]} |"
        )
    return "\n".join(lines) + "\n"


def _write(page: Path, table: str) -> None:
    """Puts the table in the place of the one before, behind the page's own words."""
    words = page.read_text().partition("Measured ")[0] if page.exists() else "# Backbones\n\n"
    write_bytes(page, (words + table).encode())


def _inputs(images: Sequence[LabelledImage], spec: InputSpec) -> Pictures:
    prepare = Preprocessor(spec)
    return [prepare(read_image(image))[0].copy() for image in images]


def _some(images: Sequence[LabelledImage], most: int) -> list[LabelledImage]:
    return [images[row] for row in spread_rows(len(images), most)]


if __name__ == "__main__":
    sys.exit(main())
