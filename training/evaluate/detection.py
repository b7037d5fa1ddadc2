"""Section: how well objects are found. COCO's measures, F1, curves, and by size. Pure.

Sizes are COCO's, taken relative to its usual image of 640 x 480 pixels: small is below 32² of
these, large from 96² on, whatever the images' resolution here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.evaluate.bootstrap import ratio_of
from training.evaluate.context import Context, LeftOut, number, told_interval, with_interval
from training.evaluate.matches import (
    RECALL_POINTS,
    Matches,
    ap_statistic,
    average,
    match,
    precisions,
    recalls,
)
from training.evaluate.plots import COLOURS, Curve, curve_plot
from training.evaluate.section import Cell, Figure, Section, Table

KEY: Final = "detection"
_COCO_IMAGE: Final = 640 * 480
_SMALL, _LARGE = 32**2 / _COCO_IMAGE, 96**2 / _COCO_IMAGE
SIZES: Final = {"small": (0.0, _SMALL), "medium": (_SMALL, _LARGE), "large": (_LARGE, 1.0)}
"""Shares of the image's area."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Answers of some classes together, surest first, at IoU 0.5.

    Attributes:
        scores: float32 [K], falling.
        images: int64 [K].
        right: bool [K].
        objects: int64 [N], by image.
    """

    scores: NDArray[np.float32]
    images: NDArray[np.int64]
    right: NDArray[np.bool_]
    objects: NDArray[np.int64]

    @classmethod
    def of(cls, matches: Matches, labels: NDArray[np.int64]) -> "Ranking":
        """Joins the matches of these classes."""
        chosen = [matches.classes[label] for label in labels]
        scores = np.concatenate([one.scores for one in chosen])
        order = np.argsort(-scores, kind="stable")
        return cls(
            scores[order],
            np.concatenate([one.images for one in chosen])[order],
            np.concatenate([one.hit[0] for one in chosen])[order],
            np.sum([one.objects for one in chosen], axis=0),
        )

    def f1(self) -> NDArray[np.float64]:
        """Returns F1 if the answers up to each one counted, float64 [K]."""
        right = np.cumsum(self.right)
        whole = np.arange(1, len(right) + 1) + self.objects.sum()
        return np.asarray(2 * right / np.maximum(whole, 1), np.float64)

    def best(self) -> tuple[float, float]:
        """Returns the best F1, and the threshold that gives it."""
        values = self.f1()
        if not len(values):
            return 0.0, 1.0
        # Answers of equal score come and go together.
        last = np.append(self.scores[1:] != self.scores[:-1], True)
        best = int(np.where(last, values, -1.0).argmax())
        return float(values[best]), float(self.scores[best])

    def counts(self, threshold: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns how many answers from the threshold on are right, and are given, by image."""
        chosen = self.scores >= threshold
        images = self.images[chosen]
        length = len(self.objects)
        right = np.bincount(images[self.right[chosen]], minlength=length).astype(np.float64)
        return right, np.bincount(images, minlength=length).astype(np.float64)


def section(context: Context) -> Section | LeftOut:
    """Measures detection; needs boxes."""
    evaluation, names = context.evaluation, context.names
    matches = evaluation.matches
    occurring = np.flatnonzero([one.objects.any() for one in matches.classes])
    if not len(occurring):
        return LeftOut("the data has no box of a class that the model knows")
    table, recall = precisions(matches), recalls(matches)
    ranking = Ranking.of(matches, occurring)
    right, given = ranking.counts(context.threshold)
    objects = ranking.objects.astype(np.float64)
    best, best_at = ranking.best()
    f1 = float(2 * right.sum() / max(given.sum() + objects.sum(), 1))
    ap50 = context.interval(ap_statistic(matches, 0.5))
    ap50_95 = context.interval(ap_statistic(matches))
    numbers: dict[str, float | None] = {
        **with_interval("ap50", average(table[:, 0]), ap50),
        **with_interval("ap50_95", average(table), ap50_95),
        "ap75": number(average(table[:, 5])),
        "ar100": number(average(recall)),
        "f1_best": number(best),
        "f1_best_threshold": number(best_at),
        **with_interval(
            "f1",
            f1,
            context.interval(ratio_of(2 * right, given + objects), counted=given + objects > 0),
        ),
        **with_interval(
            "precision",
            float(right.sum() / given.sum()) if given.sum() else float("nan"),
            context.interval(ratio_of(right, given), counted=given > 0),
        ),
        **with_interval(
            "recall",
            float(right.sum() / objects.sum()),
            context.interval(ratio_of(right, objects), counted=objects > 0),
        ),
        "threshold": context.threshold,
        **_by_size(context),
        **{f"ap50_{names[label]}": number(table[label, 0]) for label in occurring},
        "images": float(len(evaluation.images)),
        "objects": float(objects.sum()),
    }
    return Section(
        KEY,
        "Detection",
        (
            told_interval(average(table[:, 0]), ap50, "AP50"),
            told_interval(average(table), ap50_95, "AP50-95"),
            f"F1, precision and recall at {context.told_threshold()}.",
            "Regions that are not judged are left out before matching; else as pycocotools has it.",
        ),
        numbers,
        (_by_class(context, table, recall, occurring),),
        _curves(context, ranking, occurring),
    )


def _by_size(context: Context) -> Mapping[str, float | None]:
    numbers: dict[str, float | None] = {}
    evaluation = context.evaluation
    for name, (low, high) in SIZES.items():
        areas = [(low * i.width_px * i.height_px, high * i.width_px * i.height_px)
                 for i in evaluation.images]  # fmt: skip
        matches = match(evaluation.found, evaluation.truths, len(context.names), areas)
        numbers[f"ap50_95_{name}_objects"] = number(average(precisions(matches)))
        numbers[f"{name}_objects"] = float(sum(one.objects.sum() for one in matches.classes))
    return numbers


def _by_class(
    context: Context,
    table: NDArray[np.float64],
    recall: NDArray[np.float64],
    occurring: NDArray[np.int64],
) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for label in occurring:
        ranking = Ranking.of(context.evaluation.matches, np.array([label]))
        right, given = (float(each.sum()) for each in ranking.counts(context.threshold))
        objects = int(ranking.objects.sum())
        rows.append(
            (
                context.names[label],
                objects,
                number(table[label, 0]),
                number(table[label].mean()),
                number(table[label, 5]),
                number(recall[label].mean()),
                number(right / given) if given else None,
                number(right / objects),
                number(2 * right / (given + objects)),
                number(ranking.best()[0]),
            )
        )
    header = ("class", "objects", "AP50", "AP50-95", "AP75", "AR100", "precision", "recall", "F1")
    return Table("By class", (*header, "best F1"), sorted(rows, key=lambda row: str(row[0])))


def _curves(context: Context, ranking: Ranking, occurring: NDArray[np.int64]) -> tuple[Figure, ...]:
    matches = context.evaluation.matches
    most = sorted(occurring, key=lambda label: -int(matches.classes[label].objects.sum()))
    shown = most[: len(COLOURS) - 1]
    curves = [Curve("all together", _precision_at_recall(ranking))]
    curves += [
        Curve(
            context.names[label],
            _precision_at_recall(Ranking.of(matches, np.array([label]))),
        )
        for label in shown
    ]
    title = "Precision by recall at IoU 0.5"
    if len(shown) < len(most):
        title += f", of the {len(shown)} commonest of {len(most)} classes"
    f1 = _thinned(list(zip(ranking.scores.tolist(), ranking.f1().tolist(), strict=True)))
    return (
        Figure(
            title,
            "image/svg+xml",
            curve_plot(curves, title=title, x="recall", y="precision"),
        ),
        Figure(
            "F1 by threshold",
            "image/svg+xml",
            curve_plot([Curve("F1", f1)], title="F1 by threshold", x="threshold", y="F1"),
        ),
    )


def _precision_at_recall(ranking: Ranking) -> list[tuple[float, float]]:
    """Returns COCO's 101 points, up to the recall that is reached."""
    right = np.cumsum(ranking.right)
    precision = right / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(right / ranking.objects.sum(), RECALL_POINTS)
    reached = at < len(envelope)
    return list(zip(RECALL_POINTS[reached].tolist(), envelope[at[reached]].tolist(), strict=True))


def _thinned(points: list[tuple[float, float]], most: int = 400) -> list[tuple[float, float]]:
    return points[:: max(1, len(points) // most)]
