"""The model package: an ONNX file, its manifest and its golden images, addressed by digest.

A package is a folder:

    manifest.json   what the model needs of an image, what it gives, how sure it is
    model.onnx      int8; outputs by name: boxes, scores, embedding
    golden/         images, and golden.json with the outputs expected for each

The package carries what is true of the model wherever it runs: preprocessing, calibration and the
precision/coverage curve. The operating point chosen from that curve is the release's; geometry and
hardware are the station file's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from beltmark.contract.documents import (
    Document,
    GrownDocument,
    read_bytes,
    read_document,
    sha256_of,
)
from beltmark.contract.errors import InputError

MANIFEST = "manifest.json"
MODEL = "model.onnx"
GOLDEN = "golden/golden.json"
MAX_PACKAGE_FILE_BYTES = 256 * 1024 * 1024

Task = Literal["detect", "classify"]
Probability = Annotated[float, Field(ge=0, le=1)]
ClassName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_\-]{0,63}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class InputSpec(Document):
    """What the model needs of an image: uint8, shape [1, height, width, 3], values 0..255.

    The image is scaled to fit, keeping its aspect, placed at the top left, and the rest is filled
    with `pad_value`. Normalisation is inside the graph.
    """

    name: str = "image"
    height_px: int = Field(ge=32, le=4096)
    width_px: int = Field(ge=32, le=4096)
    layout: Literal["NHWC"] = "NHWC"
    dtype: Literal["uint8"] = "uint8"
    colour_order: Literal["RGB", "BGR"] = "RGB"
    resize: Literal["letterbox_top_left"] = "letterbox_top_left"
    pad_value: int = Field(default=114, ge=0, le=255)


class OutputSpec(Document):
    """The model's named outputs, N candidate places each; a classifier has one, the whole input.

    `boxes` float32 [1, N, 4], xyxy in input pixels; `scores` float32 [1, N, C], sigmoid
    probabilities before calibration; `embedding` float32 [1, N, D], for drift and active learning.
    """

    boxes: str = "boxes"
    scores: str = "scores"
    embedding: str = "embedding"
    embedding_size: int = Field(ge=1, le=4096)


class Postprocess(Document):
    """Turns candidates into detections: score floor, then class-agnostic greedy NMS."""

    score_floor: Probability = 0.05
    nms_iou: Probability = 0.55
    max_detections: int = Field(default=100, ge=1, le=1000)


class Calibration(Document):
    """Temperature scaling (Guo et al., ICML 2017, sections 4.1 and 4.2).

    `temperature` divides the logit of each score by itself; `softmax_temperature` those of all
    classes together, whose scores sum to 1.
    """

    method: Literal["temperature", "softmax_temperature"] = "temperature"
    temperature: float = Field(default=1.0, gt=0, le=100)
    ece_before: Probability | None = None
    ece_after: Probability | None = None


class CurvePoint(Document):
    """At `threshold`, the share of answers that are right, and of objects that are answered."""

    threshold: Probability
    precision: Probability
    coverage: Probability


class GoldenExpectation(Document):
    """What the model must find on one golden image: boxes float xyxy in image pixels."""

    image: str
    sha256: Sha256
    class_names: tuple[ClassName, ...]
    boxes_xyxy_px: tuple[tuple[float, float, float, float], ...]
    scores: tuple[Probability, ...]

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if not len(self.class_names) == len(self.boxes_xyxy_px) == len(self.scores):
            raise ValueError("class_names, boxes_xyxy_px and scores must be equally many")
        return self


class GoldenSet(Document):
    """The golden images' expectations, and how far another processor may differ from them."""

    format_version: Literal[1] = 1
    images: tuple[GoldenExpectation, ...] = Field(max_length=64)
    instruction_set: str
    box_tolerance_px: float = Field(default=3.0, gt=0)
    score_tolerance: float = Field(default=0.1, gt=0, le=1)


class Lineage(GrownDocument):
    """Where a package came from; `split_sha256` is of the split file, where one was used."""

    SINCE_FIRST: ClassVar = ("split_sha256",)

    created_at: str
    code_revision: str
    config_sha256: Sha256
    dataset: str
    dataset_sha256: Sha256
    split_sha256: Sha256 | None = None
    seed: int
    versions: Mapping[str, str]


class Manifest(Document):
    """`manifest.json`: all that a loader must honour, or refuse.

    Of `task`s, `detect` finds any number of objects; `classify` says what the image as a whole is,
    as one candidate that is the whole input, so that all that follows need not know the difference.
    """

    format_version: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")]
    task: Task = "detect"
    classes: tuple[ClassName, ...] = Field(min_length=1, max_length=1000)
    none_of_these: ClassName | None = None
    input: InputSpec
    outputs: OutputSpec
    postprocess: Postprocess = Postprocess()
    calibration: Calibration = Calibration()
    curve: tuple[CurvePoint, ...] = ()
    metrics: Mapping[str, float] = Field(default_factory=dict)
    files: Mapping[str, Sha256]
    lineage: Lineage | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("classes must differ from each other")
        if self.none_of_these is not None and self.none_of_these not in self.classes:
            raise ValueError("none_of_these must be one of classes")
        for needed in (MODEL, GOLDEN):
            if needed not in self.files:
                raise ValueError(f"files must list {needed}")
        for name in self.files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name or str(path) != name:
                raise ValueError(f"files: {name!r} is not a plain relative path")
        return self


@dataclass(frozen=True)
class ModelPackage:
    """A package whose every file was checked against its manifest.

    Attributes:
        folder: Where it lies.
        manifest: Its manifest.
        digest: SHA-256 of `manifest.json`; as the manifest holds the digest of each other file,
            this one addresses the whole.
    """

    folder: Path
    manifest: Manifest
    digest: str

    @property
    def model_path(self) -> Path:
        """The ONNX file."""
        return self.folder / MODEL

    def golden(self) -> GoldenSet:
        """Reads the golden expectations.

        Raises:
            InputError: They do not fit, or name an image that is no file of this package.
        """
        golden = read_document(self.folder / GOLDEN, GoldenSet)
        for index, expectation in enumerate(golden.images):
            if expectation.image not in self.manifest.files:
                raise InputError(
                    f"{expectation.image!r} is no file that the manifest lists",
                    "copy the package anew",
                    file=self.folder / GOLDEN,
                    field=f"images.{index}.image",
                )
        return golden


def load_package(folder: Path) -> ModelPackage:
    """Loads a package and checks every file's digest.

    Raises:
        InputError: No such folder, a file is missing, damaged, or the manifest does not fit.
        UnknownVersionError: The manifest has a version that is not known here.
    """
    if not folder.is_dir():
        raise InputError("no such model package", "give the folder that holds it", file=folder)
    manifest_path = folder / MANIFEST
    manifest = read_document(manifest_path, Manifest)
    for name, expected in manifest.files.items():
        if sha256_of(read_bytes(folder / name, limit=MAX_PACKAGE_FILE_BYTES)) != expected:
            raise InputError(
                "content differs from the digest in manifest.json",
                "the file is damaged or was changed: copy the package anew",
                file=folder / name,
            )
    return ModelPackage(folder, manifest, sha256_of(read_bytes(manifest_path)))
