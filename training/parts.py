"""Which images a run learns from, chooses by and is judged by, as its configuration says."""

import logging
from contextlib import suppress
from pathlib import Path

import numpy as np

from beltmark.contract.errors import InputError
from beltmark.datasets.checks.alike import near_pairs
from beltmark.datasets.checks.finding import name_of
from beltmark.datasets.checks.memory import Memory
from beltmark.datasets.checks.scanning import scan
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.split import Split, draw_scenes, split_as_told, split_by_scene
from beltmark.datasets.split_file import (
    TEST,
    TRAIN,
    VALIDATION,
    SplitFile,
    read_split,
    split_by_file,
    write_split,
)
from beltmark.datasets.split_making import make_split
from training.config import TrainConfig
from training.progress import going_through

log = logging.getLogger(__name__)

SPLIT_SEED = 0
"""Which images are put aside does not change with the seed of a run."""

DRAWN = "split.json"
MEMORY = "looks.sqlite"
TOGETHER = ("item", "session", "sequence", "scene")
"""What images share that must not be in two parts, where the dataset tells it."""


def split_dataset(config: TrainConfig, dataset: Dataset, folder: Path) -> Split:
    """Puts images aside as the configuration says.

    Args:
        config: The run's.
        dataset: The whole.
        folder: The run's: a drawn split is kept there, and what it took to draw it.

    Raises:
        InputError: A scene is not known, none is left, or a split does not fit the dataset.
    """
    data = config.data
    if data.split is not None:
        return split_by_file(dataset, read_split(data.split), data.fold)
    if data.own_parts:
        return split_as_told(dataset)
    if data.validation_share or data.test_share:
        shares = (data.validation_share, data.test_share)
        if config.task == "classify":
            return split_by_file(dataset, draw_parts(dataset, shares, folder))
        validation, test = draw_scenes(dataset.images, shares, SPLIT_SEED)
        return split_by_scene(dataset, validation, test)
    return split_by_scene(
        dataset, [str(s) for s in data.validation_scenes], [str(s) for s in data.test_scenes]
    )


def draw_parts(dataset: Dataset, aside: tuple[float, float], folder: Path) -> SplitFile:
    """Draws parts that are alike in classes; what belongs together, or looks it, stays together.

    Photographs in folders tell no scene: whether two of them show the same moment is seen only by
    looking at them.

    Args:
        dataset: What to draw from.
        aside: Shares for validation, which may be 0, and for test.
        folder: The run's; what was drawn there from the same dataset is used again.

    Raises:
        InputError: An image cannot be used, or there are too few groups.
    """
    validation, test = aside
    shares = {TRAIN: 1 - validation - test}
    shares |= {VALIDATION: validation} if validation else {}
    shares |= {TEST: test}
    path = folder / DRAWN
    with suppress(InputError):  # there is none, or it cannot be read: it is drawn anew
        kept = read_split(path)
        asked = {part.name: part.share for part in kept.document.parts}
        if kept.document.dataset_sha256 == dataset.sha256 and asked == shares:
            log.info("split: kept from before (%s)", path)
            return kept
    alike = _alike(dataset, folder)
    by = [name for name in TOGETHER if _is_told(dataset, name)] or ["scene"]
    document, grouping = make_split(
        dataset, shares, by=by, items=True, seed=SPLIT_SEED, alike=alike
    )
    log.info(
        "split drawn by %s: %d groups of %d images, %d pairs of which look nearly the same",
        " and ".join(by),
        len(grouping.groups),
        len(dataset.images),
        len(alike),
    )
    return write_split(path, document)


def _is_told(dataset: Dataset, name: str) -> bool:
    """Whether images share it at all: a name that each has for itself says nothing."""
    if name in ("scene", "sequence"):
        return len({getattr(image, name) for image in dataset.images}) < len(dataset.images)
    return any(name in image.attributes for image in dataset.images)


def _alike(dataset: Dataset, folder: Path) -> list[tuple[int, int]]:
    """Finds images that are nearly the same, as pairs of their indices.

    Raises:
        InputError: An image cannot be read.
    """
    names = [name_of(image, dataset) for image in dataset.images]
    with Memory(folder / MEMORY) as memory:
        scanned, unreadable = scan(dataset.images, names, memory, going_through)
    if unreadable:
        first = unreadable[0]
        raise InputError(
            f"{len(unreadable)} of {len(names)} images cannot be used; "
            f"{first.places[0].image}: {first.told}",
            "replace or remove them; `beltmark-train data check` lists all",
            file=dataset.path,
        )
    hashes = np.array([each.pixels.hashes for each in scanned], np.uint64).reshape(-1, 2, 2)
    pairs = near_pairs(hashes, lambda index: scanned[index].pixels.look, going_through)
    return [(pair.first, pair.second) for pair in pairs]
