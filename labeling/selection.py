"""Which images are worth a person's time, and in which order. Pure.

What speaks for an image, each from 0 to 1:

* `uncertain`: the model's doubt, the 1-vs-2 margin of each detection, the largest of an image
  (Brust, Käding and Denzler, "Active Learning for Deep Object Detection", VISAPP 2019);
* `disputed`: how far champion and challenger see different boxes (query by committee: Seung, Opper
  and Sompolinsky, COLT 1992; for detectors Roy, Unmesh and Namboodiri, BMVC 2018);
* `novel`: how far it is in the model's embedding from all that is labelled or chosen already
  (greedy k-centre: Sener and Savarese, "Active Learning for Convolutional Neural Networks: A
  Core-Set Approach", ICLR 2018), as a part of the farthest one's distance;
* `rare`: that it shows a class of which little is labelled: 1/sqrt(1 + boxes), times the score.

An image's value is the mean of what is known of these, weighted by `WEIGHTS`. The weights are set
by hand: doubt and dispute are about this image's boxes, the other two about what it adds. A part is
drawn at random from all: what a model is measured on must not be what it found hard.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

NOTHING_SEEN: Final = 0.5
"""Doubt of an image in which the model sees nothing: it may be empty, or all of it missed."""

Reason = Literal["uncertain", "disputed", "novel", "rare", "random", "corrected", "reviewed"]
"""Why an image was chosen; besides what is weighed here: chance, a person corrected a station, it
was sent to one there. Only what chance chose tells what a model is worth."""

WEIGHTS: Final[Mapping[Reason, float]] = {
    "uncertain": 1.0,
    "disputed": 1.0,
    "novel": 0.5,
    "rare": 0.5,
}

_SIGNALS: Final = tuple(WEIGHTS)
_NOVEL: Final = _SIGNALS.index("novel")
_BLOCK: Final = 32
_STEPS: Final = 1_000
"""What was chosen changes what is novel: so often at most that is weighed anew."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image that could be labelled.

    Attributes:
        digest: Of its file.
        uncertainty: 0 (sure) to 1; None where no model has looked.
        disagreement: 0 (the same boxes) to 1; None without a challenger.
        classes: The classes seen in it, each with its highest score.
        embedding: float32 [D], of length 1; None where nothing was seen.
    """

    digest: str
    uncertainty: float | None = None
    disagreement: float | None = None
    classes: tuple[tuple[str, float], ...] = ()
    embedding: NDArray[np.float32] | None = None


@dataclass
class Labelled:
    """What is labelled already, as far as that is known.

    Attributes:
        counts: Boxes of each class.
        embeddings: Of the images, each float32 [D], of length 1.
    """

    counts: dict[str, int] = field(default_factory=dict)
    embeddings: list[NDArray[np.float32]] = field(default_factory=list)


@dataclass(frozen=True)
class Choice:
    """An image that is to be labelled, and why."""

    digest: str
    reason: Reason


def uncertainty(class_scores: Iterable[Sequence[float]]) -> float:
    """Returns a model's doubt about an image.

    Args:
        class_scores: Of each detection: the probability of each class by itself.

    Returns:
        From 0 to 1: of the detection with the least margin between the best class and the second.
    """
    doubts = []
    for scores in class_scores:
        first, second = sorted((*scores, 0.0), reverse=True)[:2] if len(scores) else (0.0, 0.0)
        doubts.append((1 - (first - second)) ** 2)
    return max(doubts, default=NOTHING_SEEN)


def choose(
    candidates: Sequence[Candidate],
    budget: int,
    random_share: float,
    seed: int,
    labelled: Labelled | None = None,
) -> list[Choice]:
    """Chooses images: first those drawn at random, then by value.

    The same candidates, in whatever order, give the same choice.

    Args:
        candidates: Of different digests.
        budget: Choose so many; fewer if there are fewer.
        random_share: Part of the budget that is drawn from all; without a model all of it is.
        seed: Of the draw.
        labelled: What is labelled already; without it nothing is rare.
    """
    labelled = labelled or Labelled()
    every = sorted(candidates, key=lambda each: draw(each.digest, seed))
    is_judged = any(each.uncertainty is not None for each in every)
    count = round(min(budget, len(every)) * random_share) if is_judged else budget
    drawn, rest = every[:count], [each for each in every[count:] if each.uncertainty is not None]
    return [Choice(each.digest, "random") for each in drawn] + [
        Choice(rest[k].digest, reason)
        for k, reason in _by_value(rest, budget - len(drawn), labelled, drawn)
    ]


def draw(digest: str, seed: int) -> str:
    """Returns what an image is sorted by where chance decides."""
    return sha256(f"{seed} {digest}".encode()).hexdigest()


def _by_value(
    rest: Sequence[Candidate], budget: int, labelled: Labelled, drawn: Sequence[Candidate]
) -> list[tuple[int, Reason]]:
    """Returns the most valuable, in that order; of equals the one that comes first."""
    if not rest or budget <= 0:
        return []
    signals = _signals(rest, labelled)
    weights = np.array([WEIGHTS[name] for name in _SIGNALS])
    embeddings, has_one = _matrix(rest)
    near = [*labelled.embeddings, *(e.embedding for e in drawn if e.embedding is not None)]
    near = near if has_one.any() else []  # else there is nothing to be near to them
    distance = _nearest(np.full(len(rest), np.inf), embeddings, near)
    reach = float(max(distance[has_one], default=0.0)) if near else 0.0
    budget = min(budget, len(rest))
    is_left = np.ones(len(rest), bool)
    chosen: list[tuple[int, Reason]] = []
    step = -(-budget // _STEPS) if has_one.any() else budget
    while len(chosen) < budget:
        if 0 < reach < np.inf:
            signals[:, _NOVEL] = np.where(has_one, distance / reach, np.nan)
        weighed = weights * signals
        known = np.where(np.isnan(signals), 0.0, weights).sum(1)
        value = np.where(is_left, np.nansum(weighed, axis=1) / known, -np.inf)
        best = np.array([value.argmax()]) if step == 1 else np.argsort(-value, kind="stable")
        best = best[: min(step, budget - len(chosen))]
        chosen += [(k, _SIGNALS[int(np.nanargmax(weighed[k]))]) for k in best.tolist()]
        is_left[best] = False
        if has_one[best].any():
            distance = _nearest(distance, embeddings, embeddings[best[has_one[best]]])
            if not 0 < reach < np.inf:  # nothing was labelled before
                reach = float(distance[has_one].max())
    return chosen


def _signals(candidates: Sequence[Candidate], labelled: Labelled) -> NDArray[np.float64]:
    """Returns float64 [N, 4] in the order of `WEIGHTS`, NaN for what is not known."""
    found = np.full((len(candidates), len(_SIGNALS)), np.nan)
    for row, each in zip(found, candidates, strict=True):
        for name, value in (
            ("uncertain", each.uncertainty),
            ("disputed", each.disagreement),
            ("rare", _rarity(each, labelled.counts)),
        ):
            if value is not None:
                row[_SIGNALS.index(name)] = value
    return found


def _rarity(candidate: Candidate, counts: Mapping[str, int]) -> float | None:
    if not counts or not candidate.classes:
        return None
    return max(
        min(score, 1.0) / math.sqrt(1 + counts.get(name, 0)) for name, score in candidate.classes
    )


def _matrix(
    candidates: Sequence[Candidate],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Returns the embeddings, float32 [N, D], zero where there is none, and where there is one."""
    has_one = np.array([each.embedding is not None for each in candidates], bool)
    length = next((len(e.embedding) for e in candidates if e.embedding is not None), 1)
    found = np.zeros((len(candidates), length), np.float32)
    for row, each in zip(found, candidates, strict=True):
        if each.embedding is not None:
            row[:] = each.embedding
    return found, has_one


def _nearest(
    distance: NDArray[np.float64],
    embeddings: NDArray[np.float32],
    near: Sequence[NDArray[np.float32]] | NDArray[np.float32],
) -> NDArray[np.float64]:
    """Returns distances, float64 [N], as they are with more to be near to, of length 1: cosine."""
    for start in range(0, len(near), _BLOCK):
        block = np.stack(list(near[start : start + _BLOCK]))
        likeness: NDArray[np.float64] = (embeddings @ block.T).max(1).astype(np.float64)
        distance = np.minimum(distance, np.maximum(1.0 - likeness, 0.0))
    return distance
