"""Section: do scores mean what they say? Before calibration, as shipped, and as fitted here. Pure.

A temperature fitted on the answers that it is judged by flatters itself. So it is fitted on a part
put aside, or, where there is only one, on all scenes but those that it is applied to.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import Calibration
from edge_agent.vision.postprocess import calibrated, uncalibrated
from training.evaluate.bootstrap import Rows, Statistic
from training.evaluate.calibration import (
    BINS,
    Method,
    brier,
    end_of_range,
    equal_mass_error,
    expected_error,
    fit_temperature,
    log_loss,
)
from training.evaluate.context import Context, LeftOut, number, told_interval, with_interval
from training.evaluate.evaluation import answer_scores
from training.evaluate.plots import Curve, curve_plot
from training.evaluate.precision import Answers
from training.evaluate.section import Figure, Section, Table

KEY: Final = "calibration"
FOLDS: Final = 5
LEAST_ANSWERS: Final = 20

Scores = NDArray[np.float32]


def section(context: Context) -> Section | LeftOut:
    """Measures calibration; needs boxes or classes of whole images, and some answers."""
    evaluation = context.evaluation
    given = evaluation.answers
    if not any(len(truth.asked) for truth in evaluation.truths):
        return LeftOut("the data has neither boxes nor classes of images to judge answers by")
    if len(given.scores) < LEAST_ANSWERS:
        return LeftOut(f"{len(given.scores)} answers are too few to measure calibration")
    manifest = context.package.manifest
    shipped = manifest.calibration.temperature
    table = uncalibrated(answer_scores(evaluation, manifest), manifest.calibration)
    raw = table.max(axis=1)
    images = given.images
    fitted, temperature, how = _fitted(context, table, given.right, images)
    kinds = [("before calibration", 1.0, raw), ("as shipped", shipped, given.scores)]
    if fitted is not None:
        kinds.append((how, temperature or 1.0, fitted))
    rows = [
        (
            name,
            number(t),
            number(expected_error(scores, given.right)),
            number(equal_mass_error(scores, given.right)),
            number(brier(scores, given.right)),
            number(log_loss(scores, given.right)),
        )
        for name, t, scores in kinds
    ]
    error = expected_error(given.scores, given.right)
    answered = np.bincount(images, minlength=len(evaluation.images)) > 0
    interval = context.interval(
        _error_statistic(given, images, len(evaluation.images)), counted=answered
    )
    numbers = {
        **with_interval("ece", error, interval),
        "ece_equal_mass": number(equal_mass_error(given.scores, given.right)),
        "ece_before": number(expected_error(raw, given.right)),
        "ece_fitted": None if fitted is None else number(expected_error(fitted, given.right)),
        "brier": number(brier(given.scores, given.right)),
        "brier_before": number(brier(raw, given.right)),
        "nll": number(log_loss(given.scores, given.right)),
        "nll_before": number(log_loss(raw, given.right)),
        "temperature_shipped": number(shipped),
        "temperature_fitted": None if temperature is None else number(temperature),
        "answers": float(len(given.scores)),
    }
    header = ("scores", "temperature", f"ECE ({BINS} bins)", "ECE (equal mass)", "Brier", "NLL")
    return Section(
        KEY,
        "Calibration",
        (
            told_interval(error, interval, "Expected calibration error as shipped"),
            how if fitted is None else f"Here the temperature was {how}.",
            *_at_an_end(manifest.calibration, temperature),
            "Counted over the answer to each image."
            if evaluation.truths and all(truth.is_whole for truth in evaluation.truths)
            else "Counted over all answers above the package's score floor, at IoU 0.5.",
        ),
        numbers,
        (Table("What the scores are worth", header, rows), _bins_table(given)),
        (_diagram(kinds, given.right),),
    )


def cross_fitted(
    scores: Scores,
    right: NDArray[np.bool_],
    groups: Sequence[str],
    method: Method = "temperature",
) -> tuple[Scores, float] | None:
    """Calibrates each group's scores by a temperature fitted on the groups of other folds.

    Args:
        scores: float32 [K, C], before calibration, as `fit_temperature` takes them.
        right: bool [K].
        groups: Of each answer.
        method: How scores are calibrated.

    Returns:
        The best classes' scores, float32 [K], and the folds' median temperature; None with a
        single group.
    """
    names = sorted(set(groups), key=lambda name: hashlib.sha256(name.encode()).digest())
    if len(names) < 2:
        return None
    fold_of = {name: index % min(FOLDS, len(names)) for index, name in enumerate(names)}
    folds = np.array([fold_of[name] for name in groups])
    result = scores.max(axis=1)
    temperatures = []
    for fold in range(min(FOLDS, len(names))):
        rest, mine = folds != fold, folds == fold
        fitted = fit_temperature(scores[rest], right[rest], method)
        result[mine] = calibrated(scores[mine], fitted).max(axis=1)
        temperatures.append(fitted.temperature)
    return result, float(np.median(temperatures))


def _fitted(
    context: Context, table: Scores, right: NDArray[np.bool_], images: NDArray[np.int64]
) -> tuple[Scores | None, float | None, str]:
    """Returns calibrated scores, the temperature, and how it was fitted or why it was not."""
    manifest = context.package.manifest
    shipped = manifest.calibration
    if context.fitting is not None and len(context.fitting.answers.scores) >= LEAST_ANSWERS:
        there = context.fitting.answers
        raw = uncalibrated(answer_scores(context.fitting, manifest), shipped)
        fit = fit_temperature(raw, there.right, shipped.method)
        how = f"fitted on the part put aside ({len(there.scores)} answers)"
        return calibrated(table, fit).max(axis=1), fit.temperature, how
    groups = [context.scenes[image] for image in images]
    crossed = cross_fitted(table, right, groups, shipped.method)
    if crossed is None:
        return (
            None,
            None,
            ("No temperature was fitted here: the data is a single scene, with none to fit on."),
        )
    return *crossed, "fitted on other scenes, in turn"


def _at_an_end(shipped: Calibration, fitted: float | None) -> Sequence[str]:
    """Says of each temperature that lies at an end of what is tried what that means."""
    told = [end_of_range(shipped.temperature), None if fitted is None else end_of_range(fitted)]
    return sorted({each for each in told if each is not None})


def _error_statistic(given: Answers, images: NDArray[np.int64], count: int) -> Statistic:
    starts = np.searchsorted(images, np.arange(count + 1))
    rows_of = [np.arange(starts[row], starts[row + 1]) for row in range(count)]

    def error(rows: Rows) -> float:
        drawn = np.concatenate([rows_of[row] for row in rows])
        if not len(drawn):
            return float("nan")
        return expected_error(given.scores[drawn], given.right[drawn])

    return error


def _bins(scores: Scores, right: NDArray[np.bool_]) -> list[tuple[float, float, int]]:
    """Returns of each bin that is not empty: mean score, share right, how many."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    return [
        (float(scores[bins == i].mean()), float(right[bins == i].mean()), int((bins == i).sum()))
        for i in np.unique(bins)
    ]


def _bins_table(given: Answers) -> Table:
    rows = [(number(score), number(share), count)
            for score, share, count in _bins(given.scores, given.right)]  # fmt: skip
    return Table("As shipped, by bin", ("mean score", "share right", "answers"), rows)


def _diagram(kinds: Sequence[tuple[str, float, Scores]], right: NDArray[np.bool_]) -> Figure:
    title = "Reliability: share right by score; on the dashed line scores mean what they say"
    curves = [Curve("as it should be", ((0, 0), (1, 1)), is_faint=True)]
    curves += [
        Curve(name, [(score, share) for score, share, _ in _bins(scores, right)])
        for name, _, scores in kinds
    ]
    return Figure(
        title, "image/svg+xml", curve_plot(curves, title=title, x="score", y="share right")
    )
