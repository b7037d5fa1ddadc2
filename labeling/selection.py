"""Which images are worth a person's time, and in which order. Pure.

The model's doubt ranks: the 1-vs-2 margin of each detection, the largest of an image (Brust, Käding
and Denzler, "Active Learning for Deep Object Detection", 2019). A part is drawn at random from all:
what a model is measured on must not be what it found hard.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

NOTHING_SEEN: Final = 0.5
"""Doubt of an image in which the model sees nothing: it may be empty, or all of it missed."""

Reason = Literal["uncertain", "random", "corrected", "reviewed"]
"""Why an image was chosen: the model doubts, chance, a person corrected a station, it was sent to
one there. Only what chance chose tells what a model is worth."""


@dataclass(frozen=True)
class Candidate:
    """An image that could be labelled.

    Attributes:
        digest: Of its file.
        uncertainty: 0 (sure) to 1; None where no model has looked.
    """

    digest: str
    uncertainty: float | None = None


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
    candidates: Sequence[Candidate], budget: int, random_share: float, seed: int
) -> list[Choice]:
    """Chooses images: first those drawn at random, then by doubt.

    The same candidates, in whatever order, give the same choice.

    Args:
        candidates: Of different digests.
        budget: Choose so many; fewer if there are fewer.
        random_share: Part of the budget that is drawn from all; without a model all of it is.
        seed: Of the draw.
    """
    drawn = sorted(candidates, key=lambda each: _draw(each.digest, seed))
    judged = [each for each in drawn if each.uncertainty is not None]
    count = round(min(budget, len(drawn)) * random_share) if judged else budget
    chosen = drawn[:count]
    taken = {each.digest for each in chosen}
    rest = [each for each in judged if each.digest not in taken]
    rest.sort(key=lambda each: -(each.uncertainty or 0.0))  # stable: equals stay as drawn
    return [Choice(each.digest, "random") for each in chosen] + [
        Choice(each.digest, "uncertain") for each in rest[: budget - len(chosen)]
    ]


def _draw(digest: str, seed: int) -> str:
    return sha256(f"{seed} {digest}".encode()).hexdigest()
