"""Evaluations of what a made-up model found, without a model and, mostly, without image files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from beltmark.contract.package import Calibration, CurvePoint, Manifest, ModelPackage
from beltmark.datasets.dataset import Dataset, LabelledImage, LabelledObject
from training.evaluate.classes import match_classes
from training.evaluate.context import Context
from training.evaluate.evaluation import Evaluation, Seen, judge
from training.evaluate.matching import Found, pair, truth_of

NAMES = ("carton", "cup", "tube", "none")
SIZE = 100
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Shot:
    """One image: what is there, and what was found, each as (class name, box, ...).

    Attributes:
        there: Class name and box of each object.
        found: Class name, box and score of each detection.
        scene: Its scene.
        whole: Class name of the image as a whole.
        attributes: What else is told of it.
        brightness: Of the image.
        truncated: All objects of it are cut by the border.
        path: The image file, where one is looked at.
    """

    there: Sequence[tuple[str, Box]] = ()
    found: Sequence[tuple[str, Box, float]] = ()
    scene: str = "1"
    whole: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    brightness: float = 100.0
    truncated: bool = False
    path: Path | None = None


def manifest(curve: tuple[CurvePoint, ...] = (), temperature: float = 1.0) -> Manifest:
    return Manifest.model_validate(
        {
            "name": "made-up",
            "classes": NAMES,
            "none_of_these": "none",
            "input": {"height_px": 64, "width_px": 64},
            "outputs": {"embedding_size": 2},
            "calibration": Calibration(temperature=temperature),
            "curve": curve,
            "files": {"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
        }
    )


def dataset_of(shots: Sequence[Shot], class_names: Sequence[str] = NAMES) -> Dataset:
    names = list(class_names)
    return Dataset(
        Path("made-up.json"),
        "0" * 64,
        tuple(names),
        tuple(
            LabelledImage(
                shot.path or Path(f"{number}.jpg"),
                SIZE,
                SIZE,
                shot.scene,
                shot.scene,
                (),
                tuple(
                    LabelledObject(names.index(name), box, truncated=shot.truncated)
                    for name, box in shot.there
                ),
                None if shot.whole is None else names.index(shot.whole),
                shot.attributes,
            )
            for number, shot in enumerate(shots)
        ),
        0,
    )


def evaluation_of(
    shots: Sequence[Shot], class_names: Sequence[str] = NAMES, known: Manifest | None = None
) -> Evaluation:
    dataset = dataset_of(shots, class_names)
    classes = match_classes(dataset, NAMES, "none", may_differ=True)
    truths = [truth_of(image, classes) for image in dataset.images]
    seen = []
    for shot, truth in zip(shots, truths, strict=True):
        ranked = sorted(shot.found, key=lambda each: -each[2])
        found = Found(
            np.array([each[1] for each in ranked], np.float32).reshape(-1, 4),
            np.array([NAMES.index(each[0]) for each in ranked], np.int64),
            np.array([each[2] for each in ranked], np.float32),
        )
        table = np.zeros((len(ranked), len(NAMES)), np.float32)
        table[np.arange(len(ranked)), found.labels] = found.scores
        by_object = np.zeros((len(truth.boxes), len(NAMES)), np.float32)
        pairs = pair(found, truth, 0.5)
        by_object[pairs[pairs >= 0]] = table[pairs >= 0]
        best = table.max(axis=0) if ranked else np.zeros(len(NAMES), np.float32)
        seen.append(Seen(found, best, by_object, shot.brightness, 50.0))
    return judge(known or manifest(), dataset.images, seen, truths)


def context_of(
    shots: Sequence[Shot],
    class_names: Sequence[str] = NAMES,
    *,
    curve: tuple[CurvePoint, ...] = (),
    temperature: float = 1.0,
    unknown: Evaluation | None = None,
    fitting: Evaluation | None = None,
    threshold: float | None = None,
) -> Context:
    known = manifest(curve, temperature)
    dataset = dataset_of(shots, class_names)
    return Context(
        ModelPackage(Path("made-up"), known, "0" * 64),
        dataset,
        match_classes(dataset, NAMES, "none"),
        evaluation_of(shots, class_names, known),
        0.99,
        chosen_threshold=threshold,
        unknown=unknown,
        fitting=fitting,
        draws=50,
    )
