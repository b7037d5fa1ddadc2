"""Section: how much do people differ among themselves, and the model from them? Pure.

Where an image was boxed by several people, their agreement is the most that a model can be asked.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np

from training.evaluate.context import ANSWERS_FROM, TOLD_ANSWERS, Context, LeftOut, number
from training.evaluate.matching import Found, Truth, pair
from training.evaluate.precision import ANSWER_IOU
from training.evaluate.section import Cell, Section, Table

KEY: Final = "annotators"
ANNOTATOR: Final = "annotator"


def section(context: Context) -> Section | LeftOut:
    """Sets people's disagreement beside the model's; needs images that several people boxed."""
    evaluation = context.evaluation
    by_picture: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row, image in enumerate(evaluation.images):
        if ANNOTATOR in image.attributes:
            by_picture[str(image.path)][image.attributes[ANNOTATOR]] = row
    shared = [rows for rows in by_picture.values() if len(rows) > 1]
    if not shared:
        return LeftOut("no image of the data was annotated by more than one person")
    people: list[tuple[float, float]] = []
    model: list[tuple[float, float]] = []
    by_pair: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for rows in shared:
        for (one, first), (two, second) in combinations(sorted(rows.items()), 2):
            a, b = evaluation.truths[first], evaluation.truths[second]
            by_pair[one, two].append(agreement(a, b))
        people += [
            agreement(evaluation.truths[first], evaluation.truths[second])
            for first, second in combinations(rows.values(), 2)
        ]
        for row in rows.values():
            found = evaluation.found[row]
            sure = found.only(found.scores >= ANSWERS_FROM)
            model.append(agreement(sure.as_truth(), evaluation.truths[row]))
    table: list[tuple[Cell, ...]] = [
        (f"{one} and {two}", len(values), *_means(values)) for (one, two), values in by_pair.items()
    ]
    table.sort(key=lambda row: row[2] if isinstance(row[2], float) else 0.0)
    human, machine = _means(people), _means(model)
    table = [
        ("people, all pairs", len(people), *human),
        ("the model and each person", len(model), *machine),
        *table[:20],
    ]
    return Section(
        KEY,
        "People among themselves, and the model",
        (
            f"People agree in place on {human[0] or 0:.4f} of what they boxed, the model with them "
            f"on {machine[0] or 0:.4f}.",
            f"Agreement is twice what is paired at IoU {ANSWER_IOU} over what both drew; of the "
            f"model, {TOLD_ANSWERS} count.",
        ),
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
    """Returns how far two sets of boxes agree.

    Returns:
        Share of the boxes that have a partner; share of the pairs that are of the same class, NaN
        without pairs.
    """
    if not len(a.boxes) and not len(b.boxes):
        return 1.0, float("nan")
    first = Found(a.boxes, a.labels, np.ones(len(a.boxes), np.float32))
    partners = pair(first, b, ANSWER_IOU)
    paired = partners >= 0
    place = 2 * int(paired.sum()) / (len(a.boxes) + len(b.boxes))
    if not paired.any():
        return place, float("nan")
    return place, float((a.labels[paired] == b.labels[partners[paired]]).mean())


def _means(values: Sequence[tuple[float, float]]) -> tuple[float | None, float | None]:
    table = np.array(values)
    classes = table[:, 1][np.isfinite(table[:, 1])]
    return number(float(table[:, 0].mean())), number(float(classes.mean())) if len(
        classes
    ) else None
