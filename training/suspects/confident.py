"""Confident learning: which labels are probably wrong, by a model that has not seen them. Pure.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR
70, 2021: section 3.1 for the thresholds and the confident joint, 3.2 for who is pruned and in which
order. Arrays: `probabilities` float64 [N, C] of N samples for C classes, each row adding up to 1;
`given` int64 [N], the labels to be judged.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LISTED: Final = 2.0
"""People look from the top down, and stop where little is wrong; the ranking is not perfect."""


@dataclass(frozen=True, eq=False)
class Suspects:
    """Samples whose label is probably wrong, the surest first.

    Attributes:
        samples: int64 [S], their indices.
        classes: int64 [S], what each probably is.
        confidence: float64 [S], the probability of the label that it has.
    """

    samples: NDArray[np.int64]
    classes: NDArray[np.int64]
    confidence: NDArray[np.float64]


def thresholds(probabilities: NDArray[np.float64], given: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns float64 [C]: how sure the model is on average of a class where it is given.

    A class that is given to no sample has an infinite one (equation 2).
    """
    classes = probabilities.shape[1]
    own = probabilities[np.arange(len(given)), given]
    counts = np.bincount(given, minlength=classes)
    sums = np.bincount(given, own, minlength=classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)


def confident_classes(
    probabilities: NDArray[np.float64], given: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Returns int64 [N]: the likeliest class that reaches its threshold, -1 where none does."""
    reached = np.where(probabilities >= thresholds(probabilities, given), probabilities, -1.0)
    best = reached.argmax(1)
    return np.where(reached.max(1) >= 0, best, -1)


def confident_joint(
    probabilities: NDArray[np.float64], given: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Counts samples by given (row) and confident class (column): int64 [C, C] (equation 1)."""
    classes = probabilities.shape[1]
    confident = confident_classes(probabilities, given)
    counted = confident >= 0
    joint = np.zeros((classes, classes), np.int64)
    np.add.at(joint, (given[counted], confident[counted]), 1)
    return joint


def noise_share(joint: NDArray[np.int64], given: NDArray[np.int64]) -> float:
    """Estimates the share of wrong labels: each row scaled to how often its class is given (3)."""
    counts = np.bincount(given, minlength=len(joint)).astype(float)
    confident = joint.sum(1)
    right = np.divide(joint.diagonal(), confident, out=np.ones(len(joint)), where=confident > 0)
    return float((counts * (1 - right)).sum() / max(counts.sum(), 1.0))


def suspects(probabilities: NDArray[np.float64], given: NDArray[np.int64]) -> Suspects:
    """Ranks the samples that the model takes for another class, the least self-confident first.

    How many are listed follows from the confident joint: `LISTED` times as many as it estimates to
    be wrong. On planted faults this found more than the cells off its diagonal alone, which miss
    whatever falls short of a threshold.
    """
    likeliest = probabilities.argmax(1)
    confidence = probabilities[np.arange(len(given)), given]
    estimated = noise_share(confident_joint(probabilities, given), given) * len(given)
    order = np.argsort(confidence, kind="stable")
    samples = order[likeliest[order] != given[order]][: math.ceil(LISTED * estimated)]
    return Suspects(samples, likeliest[samples], confidence[samples])
