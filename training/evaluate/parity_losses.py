"""What compression has cost: the measure that counts, model by model on the same images. Pure.

Average precision where there are boxes, top-1 where images are judged as a whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.evaluate.bootstrap import Statistic, bootstrap, difference, mean_of
from training.evaluate.context import Context, number
from training.evaluate.matches import ap_statistic, average, match, precisions
from training.evaluate.matching import Found, Truth, named_rightly
from training.evaluate.section import Cell, Table

WORSE_POINTS: Final = 0.5
"""Loss of average precision, in points of a hundred, that is said loudly."""


@dataclass(frozen=True)
class Losses:
    """What the package has lost.

    Attributes:
        measure: Of what, in words.
        told: Sentences.
        table: What each model reaches.
        numbers: The same, and what is lost against whom in points, with bounds.
    """

    measure: str
    told: Sequence[str]
    table: Table
    numbers: Mapping[str, float | None]


def losses_of(
    context: Context,
    found: Mapping[str, Sequence[Found]],
    truths: Sequence[Truth],
    rows: NDArray[np.int64],
) -> Losses:
    """Compares what models find.

    Args:
        context: Of the evaluation.
        found: By the name of the model, what it finds in each image; one is "package".
        truths: What is there.
        rows: int64 [N], which images of the evaluation these are.
    """
    is_whole = all(truth.is_whole for truth in truths)
    key, measure, told_by = (
        ("top1", "top-1", "top-1") if is_whole else ("ap50_95", "average precision", "AP50-95")
    )
    merits, statistics, table = (
        _named_rightly(found, truths)
        if is_whole
        else _precisions(found, truths, len(context.names))
    )
    losses = {
        name: 100 * (merit - merits["package"])
        for name, merit in merits.items()
        if name != "package"
    }
    numbers = {f"{key}_{name}": number(merit) for name, merit in merits.items()}
    numbers |= _loss_numbers(context, losses, statistics, rows)
    return Losses(measure, loss_words(losses, told_by), table, numbers)


def loss_words(losses: Mapping[str, float], measure: str = "AP50-95") -> list[str]:
    """Says what was lost, in points of a measure by name of what is compared with; pure."""
    told = []
    for name, points in losses.items():
        if points > WORSE_POINTS:
            told.append(
                f"WORSE: the package loses {points:.2f} points of {measure} against {name}."
            )
        else:
            told.append(f"Against {name} the package loses {points:.2f} points of {measure}.")
    return told


_Merits = tuple[dict[str, float], dict[str, Statistic], Table]
"""What each model reaches, what is drawn anew for the bounds, and a table."""


def _precisions(
    found: Mapping[str, Sequence[Found]], truths: Sequence[Truth], classes: int
) -> _Merits:
    title, header = "Average precision", ("model", "AP50", "AP50-95")
    matches = {name: match(each, truths, classes) for name, each in found.items()}
    if not any(one.objects.any() for one in matches["package"].classes):
        return {}, {}, Table(title, header, [])
    values = {name: precisions(each) for name, each in matches.items()}
    rows: list[tuple[Cell, ...]] = [
        (name, number(average(value[:, 0])), number(average(value)))
        for name, value in values.items()
    ]
    return (
        {name: average(value) for name, value in values.items()},
        {name: ap_statistic(each) for name, each in matches.items()},
        Table(title, header, rows),
    )


def _named_rightly(found: Mapping[str, Sequence[Found]], truths: Sequence[Truth]) -> _Merits:
    right = {name: named_rightly(each, truths).astype(float) for name, each in found.items()}
    merits = {name: float(each.mean()) for name, each in right.items()}
    rows: list[tuple[Cell, ...]] = [(name, number(merit)) for name, merit in merits.items()]
    return (
        merits,
        {name: mean_of(each) for name, each in right.items()},
        Table("Share of images named rightly", ("model", "top-1"), rows),
    )


def _loss_numbers(
    context: Context,
    losses: Mapping[str, float],
    statistics: Mapping[str, Statistic],
    rows: NDArray[np.int64],
) -> dict[str, float | None]:
    """Returns what is lost against whom, in points, with bounds."""
    scenes = [context.evaluation.images[row].scene for row in rows]
    numbers: dict[str, float | None] = {}
    for name, points in losses.items():
        numbers[f"loss_{name}_points"] = number(points)
        paired = difference(statistics[name], statistics["package"])
        interval = bootstrap(scenes, paired, context.draws, context.seed)
        if interval is not None:
            numbers[f"loss_{name}_points_low"] = number(100 * interval.low)
            numbers[f"loss_{name}_points_high"] = number(100 * interval.high)
    return numbers
