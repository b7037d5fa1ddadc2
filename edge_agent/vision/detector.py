"""Runs a package's model on camera images; leaves tracking and deciding to `edge_agent.station`.

The loader refuses whatever the manifest promises and the file does not keep.
"""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from beltmark.contract.errors import InputError
from beltmark.contract.package import Manifest, ModelPackage
from edge_agent.vision.postprocess import Candidates, select
from edge_agent.vision.preprocess import Letterbox, Preprocessor

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Detection:
    """One object seen in one image.

    Attributes:
        box_xyxy_px: Corners in image pixels, within the image.
        class_index: Index of the best class in the manifest's `classes`.
        class_name: Its name.
        score: Its calibrated probability.
        class_scores: float32 [C], calibrated probability of each class by itself.
        embedding: float32 [D], the model's description of the object.
    """

    box_xyxy_px: tuple[float, float, float, float]
    class_index: int
    class_name: str
    score: float
    class_scores: NDArray[np.float32]
    embedding: NDArray[np.float32]


class Detector:
    """A loaded model. For use from one thread: the input buffer is reused.

    `detect` is the whole way; `prepare`, `infer` and `interpret` are its three stages, for those
    who time them.
    """

    def __init__(self, package: ModelPackage, threads: int = 1) -> None:
        """Loads the package's model.

        Args:
            package: Checked package, from `load_package`.
            threads: Threads that share one inference.

        Raises:
            InputError: The model is missing, damaged, or not what the manifest says.
        """
        manifest = package.manifest
        self._manifest = manifest
        self._session = _open_session(package, threads)
        _check_model(self._session, package)
        self._prepare = Preprocessor(manifest.input)
        self._output_names = [
            manifest.outputs.boxes,
            manifest.outputs.scores,
            manifest.outputs.embedding,
        ]
        log.info("loaded model %s (%d classes)", manifest.name, len(manifest.classes))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of `Detection.class_scores`."""
        return self._manifest.classes

    @property
    def manifest(self) -> Manifest:
        """The manifest that the model was checked against."""
        return self._manifest

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[Detection]:
        """Finds the objects in one image, uint8 [H, W, 3] 0..255 BGR, best first."""
        model_input, letterbox = self.prepare(image_bgr)
        return self.interpret(self.infer(model_input), letterbox)

    def prepare(self, image_bgr: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Letterbox]:
        """First stage: uint8 [H, W, 3] BGR to the model's input and where the image lies in it."""
        return self._prepare(image_bgr)

    def infer(self, model_input: NDArray[np.uint8]) -> Candidates:
        """Second stage: the model alone, from uint8 [1, H, W, 3] as the manifest says."""
        boxes, scores, embedding = self._session.run(
            self._output_names, {self._manifest.input.name: model_input}
        )
        return Candidates(boxes[0], scores[0], embedding[0])

    def interpret(self, candidates: Candidates, letterbox: Letterbox) -> list[Detection]:
        """Third stage: from candidates in input pixels to detections in image pixels."""
        kept = select(candidates, self._manifest.postprocess, self._manifest.calibration)
        boxes = letterbox.to_image(candidates.boxes_xyxy_px[kept.rows]).tolist()
        embeddings = candidates.embedding[kept.rows]
        detections = []
        for box, class_scores, embedding in zip(boxes, kept.class_scores, embeddings, strict=True):
            index = int(class_scores.argmax())
            detections.append(
                Detection(
                    box_xyxy_px=(box[0], box[1], box[2], box[3]),
                    class_index=index,
                    class_name=self._manifest.classes[index],
                    score=float(class_scores[index]),
                    class_scores=class_scores,
                    embedding=embedding,
                )
            )
        return detections


def _open_session(package: ModelPackage, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what is wrong is told by the error below, once
    # x64 processors without VNNI multiply 8-bit numbers in pairs and cut sums that grow too large:
    # scores then differ by up to 0.4. This takes the exact, slower way there; others do not care.
    options.add_session_config_entry("session.x64quantprecision", "1")
    if not package.model_path.is_file():
        raise InputError("no such model", "copy the package anew", file=package.model_path)
    try:
        return onnxruntime.InferenceSession(
            str(package.model_path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's errors share no base class but this
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"the model cannot be loaded: {reason}",
            "export it anew, or copy the package anew",
            file=package.model_path,
        ) from None


def _check_model(session: Any, package: ModelPackage) -> None:
    """Refuses a model whose inputs and outputs are not those that the manifest names."""
    manifest = package.manifest
    spec, outputs = manifest.input, manifest.outputs
    inputs = {node.name: node for node in session.get_inputs()}
    _check_node(
        package,
        "input",
        inputs,
        spec.name,
        dtype="tensor(uint8)",
        shape=[1, spec.height_px, spec.width_px, 3],
    )
    if len(inputs) != 1:
        raise InputError(
            f"has {len(inputs)} inputs: {', '.join(inputs)}",
            "export a model with one input",
            file=package.model_path,
            field="input",
        )
    given = {node.name: node for node in session.get_outputs()}
    lengths = set()
    for field, name, width in (
        ("outputs.boxes", outputs.boxes, 4),
        ("outputs.scores", outputs.scores, len(manifest.classes)),
        ("outputs.embedding", outputs.embedding, outputs.embedding_size),
    ):
        shape = _check_node(
            package, field, given, name, dtype="tensor(float)", shape=[1, None, width]
        )
        lengths.add(shape[1])
    if len(lengths) != 1:
        raise InputError(
            f"outputs differ in their number of candidates: {sorted(map(str, lengths))}",
            "export the model anew",
            file=package.model_path,
            field="outputs",
        )
    if manifest.task == "classify" and lengths != {1}:
        raise InputError(
            f"a classifier gives one candidate, the whole image, but this gives {lengths.pop()}",
            "export the model anew, or correct the manifest's task",
            file=package.model_path,
            field="outputs",
        )


def _check_node(
    package: ModelPackage,
    field: str,
    nodes: dict[str, Any],
    name: str,
    *,
    dtype: str,
    shape: list[int | None],
) -> list[Any]:
    """Checks one input or output; `None` in `shape` fits any length. Returns its shape."""
    node = nodes.get(name)
    if node is None:
        raise InputError(
            f"the model has no {name!r}, but {', '.join(nodes) or 'nothing'}",
            "correct the manifest or export the model anew",
            file=package.model_path,
            field=field,
        )
    fits = len(node.shape) == len(shape) and all(
        wanted is None or wanted == found for wanted, found in zip(shape, node.shape, strict=True)
    )
    if node.type != dtype or not fits:
        wanted_shape = [("N" if length is None else length) for length in shape]
        raise InputError(
            f"{name!r} is {node.type} {node.shape}, but the manifest says {dtype} {wanted_shape}",
            "correct the manifest or export the model anew",
            file=package.model_path,
            field=field,
        )
    return list(node.shape)
