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
    losses = [_log_loss(calibrated(scores, float(t)), right) for t in TEMPERATURES]
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


def _log_loss(scores: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    bounded = np.clip(scores, 1e-6, 1 - 1e-6)
    return float(-np.log(np.where(right, bounded, 1 - bounded)).mean())
