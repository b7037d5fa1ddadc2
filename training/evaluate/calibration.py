"""Fits the temperature that makes scores mean what they say, and measures how well they do; pure.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
"""

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import Calibration
from edge_agent.vision.postprocess import calibrated

BINS = 15
TEMPERATURES = np.exp(np.linspace(np.log(0.1), np.log(10), 401))
"""Half a per cent apart: finer than any evaluation set can tell."""


def fit_temperature(scores: NDArray[np.float32], right: NDArray[np.bool_]) -> Calibration:
    """Chooses the temperature with the least log loss.

    Args:
        scores: float32 [K], 0..1, before calibration.
        right: bool [K].
    """
    if not len(scores):
        return Calibration()
    losses = [log_loss(calibrated(scores, float(t)), right) for t in TEMPERATURES]
    temperature = float(TEMPERATURES[int(np.argmin(losses))])
    return Calibration(
        temperature=temperature,
        ece_before=expected_error(scores, right),
        ece_after=expected_error(calibrated(scores, temperature), right),
    )


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
