"""Finds labels that are probably wrong, and objects unlike everything else, in a whole dataset."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from beltmark.datasets.checks.alike import Pair
from beltmark.datasets.checks.finding import Finding, Place
from beltmark.datasets.checks.memory import Memory
from beltmark.datasets.checks.progress import Progress
from beltmark.datasets.checks.scanning import Scanned
from training.suspects.confident import suspects
from training.suspects.crops import Crop, crops_of, describe
from training.suspects.judging import (
    OUTLIER_SPREADS,
    compact,
    out_of_fold,
    strangeness,
    with_companions,
)

_FEWEST: int = 20


def suspicious(
    scanned: Sequence[Scanned],
    pairs: Sequence[Pair],
    class_names: Sequence[str],
    memory: Memory,
    progress: Progress,
) -> tuple[Finding, ...]:
    """Returns findings of `wrong-class` and `outlier`.

    Args:
        scanned: All readable images.
        pairs: Those that are nearly the same: they are never on both sides of a fold.
        class_names: Of the dataset.
        memory: Keeps features.
        progress: Shows how far it is.
    """
    crops = crops_of(scanned)
    if len(crops) < _FEWEST:
        return ()
    samples = compact(describe(crops, scanned, memory, progress))
    given = np.array([crop.class_index for crop in crops], np.int64)
    images = np.array([crop.image for crop in crops], np.int64)
    groups = groups_of(scanned, pairs)[images]
    findings = [
        *_wrong_classes(crops, scanned, samples, (given, images, groups), class_names),
        *_outliers(crops, scanned, strangeness(samples, groups)),
    ]
    return tuple(findings)


def groups_of(scanned: Sequence[Scanned], pairs: Sequence[Pair]) -> NDArray[np.int64]:
    """Numbers the images, int64 [N]: alike where scene, item, session or look is shared."""
    leader = np.arange(len(scanned))

    def first(index: int) -> int:
        while leader[index] != index:
            index = int(leader[index])
        return index

    first_with: dict[tuple[str, str], int] = {}
    joined = [(pair.first, pair.second) for pair in pairs]
    for index, each in enumerate(scanned):
        shared = [("scene", each.image.scene), ("file", each.sha256)]
        shared += [
            (name, each.image.attributes[name])
            for name in ("item", "session")
            if each.image.attributes.get(name)
        ]
        joined += [(first_with.setdefault(key, index), index) for key in shared]
    for one, other in joined:
        ends = sorted((first(one), first(other)))
        leader[ends[1]] = ends[0]
    return np.array([first(index) for index in range(len(scanned))], np.int64)


def _wrong_classes(
    crops: Sequence[Crop],
    scanned: Sequence[Scanned],
    samples: NDArray[np.float32],
    told: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    class_names: Sequence[str],
) -> Iterator[Finding]:
    given, images, groups = told
    classes = len(class_names)
    informed = with_companions(samples, images, given, classes)
    probabilities = out_of_fold(informed, given, groups, classes)
    if probabilities is None:
        return
    found = suspects(probabilities, given)
    for sample, likely, confidence in zip(
        found.samples.tolist(), found.classes.tolist(), found.confidence.tolist(), strict=True
    ):
        said = class_names[given[sample]]
        words = (
            f"said to be {said} ({confidence:.1%}), looks like {class_names[likely]} "
            f"({probabilities[sample, likely]:.0%})"
        )
        yield Finding("wrong-class", words, (_place(crops[sample], scanned),), said, 1 - confidence)


def _outliers(
    crops: Sequence[Crop], scanned: Sequence[Scanned], strange: NDArray[np.float64]
) -> Iterator[Finding]:
    for sample in np.flatnonzero(strange > OUTLIER_SPREADS).tolist():
        words = f"{strange[sample]:.1f} spreads farther from its nearest than usual"
        yield Finding(
            "outlier", words, (_place(crops[sample], scanned),), score=float(strange[sample])
        )


def _place(crop: Crop, scanned: Sequence[Scanned]) -> Place:
    return Place(scanned[crop.image].name, crop.box_xyxy_px)
