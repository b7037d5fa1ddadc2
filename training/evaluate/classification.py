"""Section: is what is seen named rightly? Top-1, F1, AUC, and what is taken for what. Pure.

With boxes, an object's answer is the class of the detection on it (IoU 0.5, whatever its class).
With whole-image classes, it is the class of the image's best detection.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score

from edge_agent.vision.postprocess import uncalibrated
from training.evaluate.bootstrap import ratio_of
from training.evaluate.classes import UNKNOWN
from training.evaluate.context import (
    ANSWERS_FROM,
    TOLD_ANSWERS,
    Context,
    LeftOut,
    number,
    told_interval,
    with_interval,
)
from training.evaluate.matching import pair
from training.evaluate.parents import parents_of, summed
from training.evaluate.plots import heat_map
from training.evaluate.precision import ANSWER_IOU
from training.evaluate.section import Cell, Figure, Section, Table

KEY: Final = "classification"
NOTHING: Final = -1
"""Told where nothing was found; true where something was found and nothing is."""

MAX_CONFUSIONS: Final = 40
MAX_MATRIX: Final = 40
"""Classes; a larger matrix nobody reads."""


@dataclass(frozen=True, eq=False)
class Answered:
    """Every object, or whole image, with the answer to it.

    Attributes:
        images: int64 [K], the image of each.
        truths: int64 [K], labels, `UNKNOWN`, or `NOTHING` for answers where nothing is.
        told: int64 [K], labels, or `NOTHING` where no answer is sure enough to count.
        best: int64 [K], labels, or `NOTHING`; however unsure.
        scores: float32 [K, C], of each class; zeros where nothing is told.
        of_boxes: Whether the data has boxes.
    """

    images: NDArray[np.int64]
    truths: NDArray[np.int64]
    told: NDArray[np.int64]
    best: NDArray[np.int64]
    scores: NDArray[np.float32]
    of_boxes: bool

    def only_objects(self) -> "Answered":
        """Returns those of objects, without the answers where nothing is."""
        chosen = self.truths != NOTHING
        return Answered(
            self.images[chosen],
            self.truths[chosen],
            self.told[chosen],
            self.best[chosen],
            self.scores[chosen],
            self.of_boxes,
        )


def answered(context: Context) -> Answered:
    """Puts objects and the answers to them side by side.

    Where nothing is, only answers that are sure enough to count are put down.
    """
    evaluation = context.evaluation
    images: list[int] = []
    truths: list[int] = []
    told: list[int] = []
    scores: list[NDArray[np.float32]] = []
    of_boxes = any(len(truth.boxes) for truth in evaluation.truths)
    nothing = np.zeros(len(context.names), np.float32)

    def add(image: int, truth: int, answer: int, given: NDArray[np.float32]) -> None:
        images.append(image)
        truths.append(truth)
        told.append(answer)
        scores.append(given)

    for row, (found, truth, seen) in enumerate(
        zip(evaluation.found, evaluation.truths, evaluation.seen, strict=True)
    ):
        sure = found.scores >= ANSWERS_FROM
        if of_boxes:
            pairs = pair(found, truth, ANSWER_IOU)
            on_object = dict(zip(pairs[sure].tolist(), found.labels[sure].tolist(), strict=True))
            for index, label in enumerate(truth.labels.tolist()):
                add(row, label, on_object.get(index, NOTHING), seen.object_scores[index])
            for label in found.labels[sure & (pairs < 0)].tolist():
                add(row, NOTHING, label, nothing)
        elif truth.whole is not None:
            best = int(found.labels[0]) if sure[:1].any() else NOTHING
            add(row, truth.whole, best, seen.image_scores)
    table = np.array(scores, np.float32).reshape(-1, len(context.names))
    return Answered(
        np.array(images, np.int64),
        np.array(truths, np.int64),
        np.array(told, np.int64),
        np.where(table.any(axis=1), table.argmax(axis=1), NOTHING),
        table,
        of_boxes,
    )


def section(context: Context) -> Section | LeftOut:
    """Measures classification; needs boxes, or classes of whole images."""
    everything = answered(context)
    given = everything.only_objects()
    known = given.truths >= 0
    if not known.any():
        return LeftOut("nothing in the data is of a class that the model knows")
    right = (given.best == given.truths) & known
    length = len(context.evaluation.images)
    rights, objects = (
        np.bincount(given.images[chosen], minlength=length).astype(np.float64)
        for chosen in (right, known)
    )
    top1 = float(rights.sum() / objects.sum())
    interval = context.interval(ratio_of(rights, objects), counted=objects > 0)
    answers = known & (given.told != NOTHING)
    labels = np.unique(given.truths[known])
    areas = one_against_rest(given.truths[known], given.scores[known], labels)
    of_answers = float((given.told == given.truths)[answers].mean()) if answers.any() else np.nan
    what = "objects" if given.of_boxes else "images"
    coarse = _top1_coarse(context, given, known)
    numbers = {
        **with_interval("top1", top1, interval),
        **({} if coarse is None else {"top1_coarse": number(coarse)}),
        "f1_macro": number(_f1(given.truths[known], given.best[known], labels, "macro")),
        "f1_micro": number(_f1(given.truths[known], given.best[known], labels, "micro")),
        "auc": number(float(np.nanmean(areas))) if np.isfinite(areas).any() else None,
        "answered": number(float(answers.sum() / known.sum())),
        "right_of_answered": number(of_answers),
        what: float(known.sum()),
    }
    return Section(
        KEY,
        "Classification",
        (
            told_interval(top1, interval, f"Share of {what} that are named rightly (top-1)"),
            "Top-1, F1 and AUC (each class against the rest) take the likeliest class, however "
            "unsure; where nothing was found, that is wrong.",
            *_coarse_words(coarse),
            f"The tables count {TOLD_ANSWERS}.",
        ),
        numbers,
        (
            _by_class(context, given, labels, areas),
            _confusions(context, everything),
            *_matrix_table(context, everything),
        ),
        _matrix_figure(context, everything),
    )


def one_against_rest(
    truths: NDArray[np.int64], scores: NDArray[np.float32], labels: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Returns the area under the ROC of each class against the rest; NaN where there is no rest.

    Args:
        truths: int64 [K].
        scores: float32 [K, C].
        labels: int64 [L], the classes that are asked for.
    """
    areas = np.full(len(labels), np.nan)
    for row, label in enumerate(labels):
        is_class = truths == label
        if is_class.any() and not is_class.all():
            areas[row] = roc_auc_score(is_class, scores[:, label])
    return areas


def confusion(
    given: Answered, none_index: int | None, names: Sequence[str]
) -> tuple[NDArray[np.int64], list[str], list[str]]:
    """Counts what is taken for what.

    Returns:
        int64 [R, S]; what the rows are in truth, last "nothing there"; what the columns were told,
        last "nothing". Only classes that occur have a row or a column.
    """
    rows = [*sorted(set(given.truths.tolist()) - {NOTHING, UNKNOWN})]
    if UNKNOWN in given.truths:
        rows.append(UNKNOWN)
    if given.of_boxes:
        rows.append(NOTHING)
    columns = sorted({*given.told.tolist(), *(row for row in rows if row >= 0)} - {NOTHING})
    columns.append(NOTHING)
    table = np.zeros((len(rows), len(columns)), np.int64)
    for truth, told in zip(given.truths.tolist(), given.told.tolist(), strict=True):
        table[rows.index(truth), columns.index(told)] += 1
    words = {NOTHING: "nothing there", UNKNOWN: "unknown product"}
    if none_index is not None:
        words[none_index] = "none of these"
    row_names = [words.get(row) or names[row] for row in rows]
    column_names = ["nothing" if c == NOTHING else words.get(c) or names[c] for c in columns]
    return table, row_names, column_names


def _f1(
    truths: NDArray[np.int64], told: NDArray[np.int64], labels: NDArray[np.int64], average: str
) -> float:
    return float(f1_score(truths, told, labels=labels, average=average, zero_division=0))


def _top1_coarse(context: Context, given: Answered, known: NDArray[np.bool_]) -> float | None:
    """Top-1 of the coarser classes that the dataset tells, by the sum over each one's classes."""
    parents = parents_of(context.dataset, context.classes, len(context.names))
    if parents is None:
        return None
    raw = uncalibrated(given.scores[known], context.package.manifest.calibration)
    told = summed(raw, parents).argmax(axis=1)
    answered_at_all = given.best[known] != NOTHING
    return float((answered_at_all & (told == parents[given.truths[known]])).mean())


def _coarse_words(coarse: float | None) -> tuple[str, ...]:
    if coarse is None:
        return ()
    return (
        f"Of the coarser classes that the data tells, {coarse:.4f} are named rightly, by the sum "
        "of the probabilities of each one's classes.",
    )


def _by_class(
    context: Context, given: Answered, labels: NDArray[np.int64], areas: NDArray[np.float64]
) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for label, area in zip(labels.tolist(), areas.tolist(), strict=True):
        mine, said = given.truths == label, given.told == label
        right = int((mine & said).sum())
        rows.append(
            (
                context.names[label],
                int(mine.sum()),
                number(right / max(int(mine.sum()), 1)),
                number(right / int(said.sum())) if said.any() else None,
                number(2 * right / max(int(mine.sum() + said.sum()), 1)),
                number(area),
                int((mine & (given.told == NOTHING)).sum()),
            )
        )
    header = ("class", "there", "named rightly", "right when told", "F1", "AUC", "not answered")
    return Table("By class", header, rows)


def _confusions(context: Context, given: Answered) -> Table:
    table, rows, columns = confusion(given, context.classes.none_index, context.names)
    entries = [
        (rows[r], columns[c], int(table[r, c]), number(table[r, c] / table[r].sum()))
        for r, c in zip(*np.nonzero(table), strict=True)
        if rows[r] != columns[c]
    ]
    entries.sort(key=lambda entry: -entry[2])
    header = ("in truth", "told", "times", "share of these")
    return Table("What is taken for what, commonest first", header, entries[:MAX_CONFUSIONS])


def _matrix_table(context: Context, given: Answered) -> tuple[Table, ...]:
    table, rows, columns = confusion(given, context.classes.none_index, context.names)
    if len(rows) > MAX_MATRIX:
        return ()
    lines = [(name, *line) for name, line in zip(rows, table.tolist(), strict=True)]
    return (Table("Confusion: rows in truth, columns as told", ("", *columns), lines),)


def _matrix_figure(context: Context, given: Answered) -> tuple[Figure, ...]:
    table, rows, columns = confusion(given, context.classes.none_index, context.names)
    if len(rows) > MAX_MATRIX:
        return ()
    title = "What is taken for what: rows in truth, columns as told"
    drawn = heat_map(table.tolist(), rows, columns, title=title)
    return (Figure(title, "image/svg+xml", drawn),)
