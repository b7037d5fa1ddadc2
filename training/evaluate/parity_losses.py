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
from training.evaluate.matching import Found, Truth
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
    if all(truth.is_whole for truth in truths):
        table, losses, numbers = _named_rightly(context, found, truths, rows)
        return Losses("top-1", loss_words(losses, "top-1"), table, numbers)
    table, losses, numbers = _precisions(context, found, truths, rows)
    return Losses("average precision", loss_words(losses, "AP50-95"), table, numbers)


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


def _precisions(
    context: Context,
    found: Mapping[str, Sequence[Found]],
    truths: Sequence[Truth],
    rows: NDArray[np.int64],
) -> tuple[Table, dict[str, float], dict[str, float | None]]:
    """Returns the table of average precision, what is lost against whom, and the numbers."""
    count = len(context.names)
    matches = {name: match(each, truths, count) for name, each in found.items()}
    header = ("model", "AP50", "AP50-95")
    if not any(one.objects.any() for one in matches["package"].classes):
        return Table("Average precision", header, []), {}, {}
    values = {name: precisions(each) for name, each in matches.items()}
    numbers: dict[str, float | None] = {
        f"ap50_95_{name}": number(average(value)) for name, value in values.items()
    }
    losses = {
        name: 100 * (average(value) - average(values["package"]))
        for name, value in values.items()
        if name != "package"
    }
    statistics = {name: ap_statistic(each) for name, each in matches.items()}
    numbers |= _loss_numbers(context, losses, statistics, rows)
    table: list[tuple[Cell, ...]] = [
        (name, number(average(value[:, 0])), number(average(value)))
        for name, value in values.items()
    ]
    return Table("Average precision", header, table), losses, numbers


def _named_rightly(
    context: Context,
    found: Mapping[str, Sequence[Found]],
    truths: Sequence[Truth],
    rows: NDArray[np.int64],
) -> tuple[Table, dict[str, float], dict[str, float | None]]:
    """The same of top-1, where images are judged as a whole."""
    right = {
        name: np.array(
            [np.array_equal(e.labels[:1], t.asked) for e, t in zip(each, truths, strict=True)],
            np.float64,
        )
        for name, each in found.items()
    }
    numbers: dict[str, float | None] = {
        f"top1_{name}": number(float(each.mean())) for name, each in right.items()
    }
    losses = {
        name: 100 * float(each.mean() - right["package"].mean())
        for name, each in right.items()
        if name != "package"
    }
    statistics = {name: mean_of(each) for name, each in right.items()}
    numbers |= _loss_numbers(context, losses, statistics, rows)
    table: list[tuple[Cell, ...]] = [(name, numbers[f"top1_{name}"]) for name in right]
    return Table("Share of images named rightly", ("model", "top-1"), table), losses, numbers


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
