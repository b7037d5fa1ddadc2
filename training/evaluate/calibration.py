"""Fits the temperature that makes scores mean what they say, and measures how well they do; pure.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
"""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import Calibration
from edge_agent.vision.postprocess import calibrated

Method = Literal["temperature", "softmax_temperature"]

BINS = 15
TEMPERATURES: Final[Sequence[float]] = np.exp(np.linspace(np.log(0.02), np.log(20), 601)).tolist()
"""About one per cent apart: finer than any evaluation set can tell."""


def fit_temperature(
    scores: NDArray[np.float32], right: NDArray[np.bool_], method: Method = "temperature"
) -> Calibration:
    """Chooses the temperature with the least log loss of the best class's score.

    It is the best class that a station decides by, and whether that is right.

    Args:
        scores: float32 [K, C], 0..1, before calibration: of each answer, each class. Where classes
            are calibrated by themselves, the best class's will do.
        right: bool [K], whether the best class is the right one.
        method: How scores are calibrated.
    """
    if not len(scores):
        return Calibration(method=method)
    losses = [
        log_loss(calibrated(scores, Calibration(method=method, temperature=t)).max(axis=1), right)
        for t in TEMPERATURES
    ]
    fitted = Calibration(method=method, temperature=TEMPERATURES[int(np.argmin(losses))])
    return fitted.model_copy(
        update={
            "ece_before": expected_error(scores.max(axis=1), right),
            "ece_after": expected_error(calibrated(scores, fitted).max(axis=1), right),
        }
    )


def end_of_range(temperature: float) -> str | None:
    """Says what it means that a temperature is the first or last one tried; else None."""
    if temperature >= max(TEMPERATURES):
        return (
            f"NO TEMPERATURE HELPS: {temperature:.3g} is the highest one tried. Scores say next to "
            "nothing of how often answers are right."
        )
    if temperature <= min(TEMPERATURES):
        return (
            f"FAR TOO UNSURE: {temperature:.3g} is the lowest temperature tried, and a lower one "
            "would suit better. Scores are right in their order, but low: train longer."
        )
    return None


def expected_error(scores: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    """Returns the expected calibration error: |share right - mean score|, weighted over bins."""
    if not len(scores):
        return 0.0
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    error = 0.0
    for index in np.unique(bins):
        chosen = bins == index
        gap = abs(float(right[chosen].mean()) - float(scores[chosen].mean()))
        error += float(chosen.mean()) * gap
    return error


def equal_mass_error(scores: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    """Returns the expected calibration error over bins of as many answers each.

    Where scores crowd together, bins of equal width leave most of them in one (Nguyen and O'Connor,
    EMNLP 2015, section 4.2).
    """
    if not len(scores):
        return 0.0
    order = np.argsort(scores, kind="stable")
    parts = np.array_split(order, min(BINS, len(order)))
    gaps = [abs(float(right[part].mean()) - float(scores[part].mean())) for part in parts]
    return float(np.average(gaps, weights=[len(part) for part in parts]))


def brier(scores: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    """Returns the mean squared difference of score and truth (Brier, 1950)."""
    return float(((scores - right) ** 2).mean())


def log_loss(scores: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    """Returns the mean negative log likelihood, in nats; scores are kept off 0 and 1."""
    bounded = np.clip(scores, 1e-6, 1 - 1e-6)
    return float(-np.log(np.where(right, bounded, 1 - bounded)).mean())
