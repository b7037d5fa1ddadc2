"""Section: does the file that ships still say what the trained network said?

Torch, the fp32 reference and the package itself look at the same inputs; outputs are compared
place by place, detections one by one, and average precision on the same images.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from beltmark.datasets.dataset import LabelledImage
from beltmark.datasets.images import read_image
from edge_agent.vision.detector import Detector
from edge_agent.vision.postprocess import Candidates
from training.evaluate.context import ANSWERS_FROM, TOLD_ANSWERS, Context, LeftOut, number
from training.evaluate.evaluation import evaluate
from training.evaluate.looking import found_of
from training.evaluate.matching import Found, judged, pair
from training.evaluate.parity_losses import losses_of
from training.evaluate.section import Cell, Section, Table
from training.evaluate.speed import slow_words, spread_rows
from training.evaluate.timing import time_stages

KEY: Final = "parity"
COMPARED_IMAGES: Final = 64
JUDGED_IMAGES: Final = 500
TIMED: Final = 20
AGREE_IOU: Final = 0.9

OUTPUTS: Final = ("boxes", "scores", "embedding")


class Inference(Protocol):
    """What turns a model's input into candidates."""

    def infer(self, model_input: NDArray[np.uint8]) -> Candidates:
        """From uint8 [1, H, W, 3] as the manifest says."""


@dataclass
class Difference:
    """How far one output of two models differs, gathered over images."""

    most: float = 0.0
    total: float = 0.0
    count: int = 0
    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros(5))

    def add(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> None:
        """Adds values, of equal shape, any."""
        first, second = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
        if not len(first):
            return
        apart = np.abs(first - second)
        self.most = max(self.most, float(apart.max()))
        self.total += float(apart.sum())
        self.count += len(first)
        self.sums += (
            first.sum(),
            second.sum(),
            first @ first,
            second @ second,
            first @ second,
        )

    @property
    def mean(self) -> float:
        """Mean absolute difference."""
        return self.total / self.count if self.count else float("nan")

    @property
    def correlation(self) -> float:
        """Pearson's."""
        if not self.count:
            return float("nan")
        a, b, aa, bb, ab = (self.sums / self.count).tolist()
        spread = (aa - a * a) * (bb - b * b)
        return float((ab - a * b) / spread**0.5) if spread > 0 else float("nan")


@dataclass
class Agreement:
    """How many detections of two models are the same, gathered over images."""

    same: int = 0
    of_both: int = 0

    def add(self, ours: Found, theirs: Found) -> None:
        """Adds the detections of one image."""
        classes = np.append(theirs.labels, -1)[pair(ours, theirs.as_truth(), AGREE_IOU)]
        self.same += int((classes == ours.labels).sum())
        self.of_both += len(ours.labels) + len(theirs.labels)

    @property
    def share(self) -> float:
        """Share of all detections that the other model gives too; 1 where there are none."""
        return 2 * self.same / self.of_both if self.of_both else 1.0


def section(context: Context) -> Section | LeftOut:
    """Compares what is given to compare with; needs a reference or a checkpoint."""
    if context.reference is None and context.checkpoint is None:
        return LeftOut("nothing to compare with: give --reference PACKAGE or --checkpoint last.pt")
    detector = Detector(context.package)
    models: dict[str, Inference] = {}
    if context.checkpoint is not None:
        from training.evaluate.twin import TorchTwin  # noqa: PLC0415 - torch takes seconds to load

        models["torch"] = TorchTwin(context.checkpoint, context.package.manifest)
    if context.reference is not None:
        models["reference"] = Detector(context.reference)
    models["package"] = detector
    images = context.evaluation.images
    compared = [images[row] for row in spread_rows(len(images), COMPARED_IMAGES)]
    output_rows, agreement_rows, numbers = _compare(context, detector, models, compared)
    judged_rows = np.array(spread_rows(len(images), JUDGED_IMAGES))
    judged_found = _found(context, detector, models, judged_rows)
    truths = [context.evaluation.truths[row] for row in judged_rows]
    lost = losses_of(context, judged_found, truths, judged_rows)
    numbers |= lost.numbers
    told = []
    if context.reference is not None:
        times = time_stages(
            [context.package, context.reference], list(map(read_image, compared[:4])), 1, TIMED
        )
        faster = times[1].infer_ms / times[0].infer_ms
        numbers["times_faster"] = number(faster)
        told += slow_words(faster, "")
    header = ("of", "and", "output", "most apart", "apart on average", "correlation")
    return Section(
        KEY,
        "Parity: torch, fp32, int8",
        (
            *lost.told,
            *told,
            f"Outputs and detections of {len(compared)} images, {lost.measure} of "
            f"{len(judged_rows)}; outputs at places where either model has something to tell.",
        ),
        numbers,
        (
            Table("Outputs", header, output_rows),
            Table(
                f"Detections that agree in place (IoU {AGREE_IOU}) and class, {TOLD_ANSWERS}",
                ("of", "and", "share", "detections of both"),
                agreement_rows,
            ),
            lost.table,
        ),
    )


def _compare(
    context: Context,
    detector: Detector,
    models: dict[str, Inference],
    images: Sequence[LabelledImage],
) -> tuple[list[tuple[Cell, ...]], list[tuple[Cell, ...]], dict[str, float | None]]:
    pairs = list(combinations(models, 2))
    differences = {(pair_, output): Difference() for pair_ in pairs for output in OUTPUTS}
    agreements = {pair_: Agreement() for pair_ in pairs}
    floor = context.package.manifest.postprocess.score_floor
    for picture in map(read_image, images):
        model_input, letterbox = detector.prepare(picture)
        given = {name: model.infer(model_input) for name, model in models.items()}
        found = {
            name: found_of(detector.interpret(each, letterbox), ANSWERS_FROM)
            for name, each in given.items()
        }
        for names in pairs:
            one, two = (given[name] for name in names)
            told = (one.scores.max(axis=1) >= floor) | (two.scores.max(axis=1) >= floor)
            for output, a, b in (
                ("boxes", one.boxes_xyxy_px, two.boxes_xyxy_px),
                ("scores", one.scores, two.scores),
                ("embedding", one.embedding, two.embedding),
            ):
                differences[names, output].add(a[told], b[told])
            agreements[names].add(found[names[0]], found[names[1]])
    rows: list[tuple[Cell, ...]] = []
    numbers: dict[str, float | None] = {}
    for (names, output), each in differences.items():
        figures = number(each.most), number(each.mean), number(each.correlation)
        rows.append((*names, output, *figures))
        for word, figure in zip(("max", "mean", "correlation"), figures, strict=True):
            numbers[f"{'_'.join(names)}_{output}_{word}"] = figure
    agreement_rows: list[tuple[Cell, ...]] = []
    for names, agreed in agreements.items():
        agreement_rows.append((*names, number(agreed.share), agreed.of_both))
        numbers[f"{'_'.join(names)}_agreement"] = number(agreed.share)
    return rows, agreement_rows, numbers


def _found(
    context: Context, detector: Detector, models: dict[str, Inference], rows: NDArray[np.int64]
) -> dict[str, list[Found]]:
    """Returns what each model finds in each image, the package first."""
    evaluation = context.evaluation
    images = [evaluation.images[row] for row in rows]
    found = {"package": [evaluation.found[row] for row in rows]}
    if context.reference is not None:
        theirs = evaluate(context.reference, images, context.classes, context.cache)
        found["reference"] = list(theirs.found)
    if "torch" in models:
        found["torch"] = []
        for picture, row in zip(map(read_image, images), rows, strict=True):
            model_input, letterbox = detector.prepare(picture)
            given = found_of(detector.interpret(models["torch"].infer(model_input), letterbox))
            found["torch"].append(judged(given, evaluation.truths[row]))
    return found
