"""Checks a whole dataset: goes through the checks in order and gathers what they find."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from beltmark.datasets.checks.alike import Pair, near_pairs
from beltmark.datasets.checks.annotations import class_balance, poor_boxes
from beltmark.datasets.checks.finding import Finding, in_order, name_of
from beltmark.datasets.checks.leaks import duplicates, group_leaks
from beltmark.datasets.checks.looks import poor_looks
from beltmark.datasets.checks.memory import Memory
from beltmark.datasets.checks.parts import strangers
from beltmark.datasets.checks.progress import Progress
from beltmark.datasets.checks.scanning import Scanned, scan
from beltmark.datasets.dataset import Dataset


class Deep(Protocol):
    """Looks at what the objects look like, which needs a network; `training` has one."""

    def __call__(
        self,
        scanned: Sequence[Scanned],
        pairs: Sequence[Pair],
        class_names: Sequence[str],
        memory: Memory,
        progress: Progress,
    ) -> tuple[Finding, ...]:
        """Returns what it finds."""


@dataclass(frozen=True)
class Checked:
    """A dataset and what was found in it.

    Attributes:
        dataset: The dataset, without the rows that cannot be used.
        parts: The part of each image by name; empty where there are none.
        findings: In the order of their kinds, the worst first.
    """

    dataset: Dataset
    parts: Mapping[str, str]
    findings: tuple[Finding, ...]


def check(
    dataset: Dataset,
    faults: Iterable[Finding],
    parts: Mapping[str, str],
    *,
    memory: Memory,
    progress: Progress,
    deep: Deep | None = None,
) -> Checked:
    """Checks a dataset.

    Args:
        dataset: As it could be read.
        faults: What was found in its annotation file.
        parts: The part of each image, by name.
        memory: Keeps what was worked out.
        progress: Goes through things and shows how far it is, under a heading.
        deep: Looks for wrong classes and outliers too.
    """
    names = [name_of(image, dataset) for image in dataset.images]
    scanned, unreadable = scan(dataset.images, names, memory, progress)
    hashes = np.array([each.pixels.hashes for each in scanned], np.uint64).reshape(-1, 2, 2)
    pairs = near_pairs(hashes, lambda index: scanned[index].pixels.look, progress)
    findings = [
        *faults,
        *unreadable,
        *group_leaks(dataset.images, names, parts),
        *duplicates(scanned, pairs, parts),
        *strangers(parts, names),
        *poor_boxes(dataset.images, names),
        *poor_looks(scanned),
        *class_balance(dataset),
    ]
    if deep is not None:
        findings += deep(scanned, pairs, dataset.class_names, memory, progress)
    return Checked(dataset, parts, in_order(findings))
