"""Section: how much do people differ among themselves, and the model from them?

Where an image was boxed, or named as a whole, by several people, their agreement is the most that a
model can be asked.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np

from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.reading import read_each_annotator
from training.evaluate.classes import match_classes
from training.evaluate.context import ANSWERS_FROM, TOLD_ANSWERS, Context, LeftOut, number
from training.evaluate.matching import Found, Truth, judged, pair, truth_of
from training.evaluate.precision import ANSWER_IOU
from training.evaluate.section import Cell, Section, Table

KEY: Final = "annotators"
ANNOTATOR: Final = "annotator"
EXPORT: Final = "label_studio"
MOST_ROWS: Final = 20


@dataclass(frozen=True, eq=False)
class Answer:
    """What one person says of a picture, and what the model found there, judged by that."""

    truth: Truth
    found: Found

    def of_model(self) -> Truth:
        """What the model says that it is sure enough of, as if it were a person."""
        sure = self.found.only(self.found.scores >= ANSWERS_FROM)
        if not self.truth.is_whole:
            return sure.as_truth()
        best = int(sure.labels[0]) if len(sure.labels) else None
        return replace(self.truth, whole=best)


def section(context: Context) -> Section | LeftOut:
    """Sets people's disagreement beside the model's; needs images that several people boxed.

    Of an export of Label Studio, the answers of each person are read, not the latest alone.
    """
    try:
        pictures = _of_export(context) if context.dataset.format == EXPORT else _of_images(context)
    except InputError as error:  # the latest answers are fine, or there were no evaluation
        return LeftOut(f"the answers of each person cannot be read: {error}")
    shared = [answers for answers in pictures if len(answers) > 1]
    if not shared:
        return LeftOut("no image of the data was annotated by more than one person")
    truths = [each.truth for answers in shared for each in answers.values()]
    if not any(len(truth.asked) for truth in truths):
        return LeftOut("where several people looked, none of them drew a box or named a class")
    by_pair: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    by_person: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for answers in shared:
        for (one, a), (two, b) in combinations(sorted(answers.items()), 2):
            by_pair[f"{one} and {two}"].append(agreement(a.truth, b.truth))
        for name, each in answers.items():
            by_person[f"the model and {name}"].append(agreement(each.of_model(), each.truth))
    people = [value for values in by_pair.values() for value in values]
    model = [value for values in by_person.values() for value in values]
    human, machine = _means(people), _means(model)
    table: list[tuple[Cell, ...]] = [
        ("people, all pairs", len(people), *human),
        ("the model and each person", len(model), *machine),
        *_least_first(by_pair)[:MOST_ROWS],
        *_least_first(by_person)[:MOST_ROWS],
    ]
    return Section(
        KEY,
        "People among themselves, and the model",
        _told(human, machine, is_whole=all(truth.is_whole for truth in truths)),
        {
            "people_place": human[0],
            "people_class": human[1],
            "model_place": machine[0],
            "model_class": machine[1],
            "pictures": float(len(shared)),
        },
        (Table("Agreement", ("who", "times", "in place", "in class too, where paired"), table),),
    )


def agreement(a: Truth, b: Truth) -> tuple[float, float]:
    """Returns how far two sets of boxes, or two names for a whole image, agree.

    Returns:
        Share of the boxes that have a partner; share of the pairs that are of the same class, NaN
        without pairs. Of whole images: 1 where both are named, else 0; 1 where by the same class.
    """
    if not len(a.boxes) and not len(b.boxes) and (a.whole is not None or b.whole is not None):
        if a.whole is None or b.whole is None:
            return 0.0, float("nan")
        return 1.0, float(a.whole == b.whole)
    if not len(a.boxes) and not len(b.boxes):
        return 1.0, float("nan")
    first = Found(a.boxes, a.labels, np.ones(len(a.boxes), np.float32))
    partners = pair(first, b, ANSWER_IOU)
    paired = partners >= 0
    place = 2 * int(paired.sum()) / (len(a.boxes) + len(b.boxes))
    if not paired.any():
        return place, float("nan")
    return place, float((a.labels[paired] == b.labels[partners[paired]]).mean())


def _told(
    human: Sequence[float | None], machine: Sequence[float | None], *, is_whole: bool
) -> tuple[str, ...]:
    (place, name), (its_place, its_name) = (map(_share, means) for means in (human, machine))
    if is_whole:
        return (
            f"Of images that both named, people called {name} the same, the model and they "
            f"{its_name}.",
            f"Both named {place} of the images, the model and they {its_place}; of the model, "
            f"{TOLD_ANSWERS} count as named.",
        )
    return (
        f"People agree in place on {place} of what they boxed, the model with them on {its_place}.",
        f"Agreement is twice what is paired at IoU {ANSWER_IOU} over what both drew; of the model, "
        f"{TOLD_ANSWERS} count.",
    )


def _share(value: float | None) -> str:
    return "(none: not measured)" if value is None else f"{value:.4f}"


def _of_images(context: Context) -> list[dict[str, Answer]]:
    """Returns the answers to each picture by person, where images tell who boxed them."""
    evaluation = context.evaluation
    found: defaultdict[Path, dict[str, Answer]] = defaultdict(dict)
    for image, truth, ours in zip(
        evaluation.images, evaluation.truths, evaluation.found, strict=True
    ):
        if ANNOTATOR in image.attributes:
            found[image.path][image.attributes[ANNOTATOR]] = Answer(truth, ours)
    return list(found.values())


def _of_export(context: Context) -> list[dict[str, Answer]]:
    """Returns all answers to each picture that is judged by, by person.

    Raises:
        InputError: One of them cannot be read, or none tells whose it is.
    """
    evaluation, manifest = context.evaluation, context.package.manifest
    found: dict[Path, dict[str, Answer]] = {image.path: {} for image in evaluation.images}
    ours = {
        image.path: seen.found
        for image, seen in zip(evaluation.images, evaluation.seen, strict=True)
    }
    for name, dataset in read_each_annotator(context.dataset.path).items():
        classes = match_classes(dataset, manifest.classes, manifest.none_of_these, may_differ=True)
        for image in dataset.images:
            if image.path in found:
                truth = truth_of(image, classes, manifest.task)
                found[image.path][name] = Answer(truth, judged(ours[image.path], truth))
    return list(found.values())


def _least_first(values: Mapping[str, Sequence[tuple[float, float]]]) -> list[tuple[Cell, ...]]:
    """Returns a row each, those who agree least first."""
    rows = [(who, len(each), *_means(each)) for who, each in values.items()]
    return sorted(rows, key=lambda row: row[2] or 0.0)


def _means(values: Sequence[tuple[float, float]]) -> tuple[float | None, float | None]:
    table = np.array(values)
    classes = table[:, 1][np.isfinite(table[:, 1])]
    return number(float(table[:, 0].mean())), number(float(classes.mean())) if len(
        classes
    ) else None
