"""What speaks for labelling an image, from what models see in it. Pure; `selection` chooses."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from labeling.agreement import MIN_IOU, Judged, compare
from labeling.samples import Seen
from labeling.selection import Candidate, Labelled

_SURE: Final = 0.5
"""Boxes that a model is less sure of are not counted among what is labelled."""


def candidate_of(digest: str, seen: Seen, challengers: Seen | None = None) -> Candidate:
    """Returns an image as it is weighed.

    Args:
        digest: Of its file.
        seen: By the champion.
        challengers: By the challenger, if there is one.
    """
    best: dict[str, float] = {}
    for name, score in _scored(seen):
        best[name] = max(score, best.get(name, 0.0))
    return Candidate(
        digest,
        seen.uncertainty,
        None if challengers is None else disagreement(seen, challengers),
        tuple(sorted(best.items())),
        seen.embedding,
    )


def disagreement(champions: Seen, challengers: Seen) -> float:
    """Returns from 0 to 1 how far two models show people different boxes (1 - Dice)."""
    comparison = compare(judged(champions), judged(challengers), MIN_IOU)
    same = comparison.same.total()
    # Of a pair with two classes, both are without a counterpart.
    apart = sum(
        count * sum(name != "" for name in pair) for pair, count in comparison.different.items()
    )
    return apart / (2 * same + apart) if same or apart else 0.0


def add_seen(labelled: Labelled, seen: Seen) -> None:
    """Counts an image that is a task already, by what the model sees in it."""
    add_counts(labelled, (name for name, score in _scored(seen) if score >= _SURE))
    if seen.embedding is not None:
        labelled.embeddings.append(seen.embedding)


def add_counts(labelled: Labelled, class_names: Iterable[str]) -> None:
    """Counts boxes that are labelled."""
    for name, count in Counter(class_names).items():
        labelled.counts[name] = labelled.counts.get(name, 0) + count


def _scored(seen: Seen) -> Iterable[tuple[str, float]]:
    for region in _regions(seen):
        yield region["value"]["rectanglelabels"][0], float(region.get("score", 1.0))


def judged(seen: Seen) -> list[Judged]:
    """Returns the boxes that a model shows people, in percent of the image."""
    found = []
    for region in _regions(seen):
        value = region["value"]
        box = (value["x"], value["y"], value["width"], value["height"])
        found.append(Judged(value["rectanglelabels"][0], box))
    return found


def _regions(seen: Seen) -> list[dict[str, Any]]:
    regions: list[dict[str, Any]] = seen.prediction["result"]
    return regions
