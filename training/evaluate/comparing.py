"""Compares packages with each other on the same images and this machine, as one table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from beltmark.contract.errors import InputError
from beltmark.contract.package import MANIFEST, ModelPackage, load_package
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.images import read_image
from training.evaluate.cache import LookCache
from training.evaluate.classes import match_classes
from training.evaluate.evaluation import LEADING, evaluate, metrics_of
from training.evaluate.section import Cell, Table
from training.evaluate.speed import spread_rows
from training.evaluate.timing import time_stages

PICTURES: Final = 8
IN_RUN: Final = ("reference-fp32", "package")
"""Packages in a run's folder, what others are compared with first."""


@dataclass(frozen=True)
class Variant:
    """A package among others.

    Attributes:
        name: To tell it by.
        package: Itself.
    """

    name: str
    package: ModelPackage


def variants_in(paths: Sequence[Path]) -> list[Variant]:
    """Returns the packages that paths name: each is one, or a run's folder.

    Raises:
        InputError: One is neither, or they do not have the same task.
    """
    found = []
    for path in paths:
        if (path / MANIFEST).is_file():
            found.append(Variant(path.as_posix(), load_package(path)))
            continue
        inside = [path / name for name in IN_RUN if (path / name / MANIFEST).is_file()]
        if not inside:
            raise InputError(
                "neither a package nor a run's folder with one", "check the path", file=path
            )
        found += [Variant(each.as_posix(), load_package(each)) for each in inside]
    tasks = {each.package.manifest.task for each in found}
    if len(tasks) > 1:
        raise InputError(
            "a detector is not to be compared with a classifier", "compare one kind", file=paths[0]
        )
    return found


def compare(
    variants: Sequence[Variant],
    dataset: Dataset,
    images: Sequence[LabelledImage],
    cache: LookCache | None = None,
) -> Table:
    """Measures packages: what is right, size, and time beside the first one's.

    Args:
        variants: What to compare; the first is what times are told by.
        dataset: Of the images.
        images: To judge by.
        cache: What was seen before.

    Raises:
        InputError: The dataset's classes are not those of a package.
    """
    measures = LEADING[variants[0].package.manifest.task]
    merits = []
    for each in variants:
        manifest = each.package.manifest
        classes = match_classes(dataset, manifest.classes, manifest.none_of_these)
        merits.append(metrics_of(evaluate(each.package, images, classes, cache)))
    pictures = [read_image(images[row]) for row in spread_rows(len(images), PICTURES)]
    times = time_stages([each.package for each in variants], pictures, 1)
    sizes = [each.package.model_path.stat().st_size for each in variants]
    rows: list[tuple[Cell, ...]] = [
        (
            each.name,
            *(round(merit[measure], 4) for measure in measures),
            round(size / 1e6, 2),
            round(taken.infer_ms, 2),
            round(taken.infer_ms / times[0].infer_ms, 2),
        )
        for each, merit, size, taken in zip(variants, merits, sizes, times, strict=True)
    ]
    header = ("variant", *measures, "model MB", "ms", "of the first one's time")
    return Table(f"On {len(images)} images, one thread", header, rows)


def markdown_of(table: Table) -> str:
    """Returns a table as Markdown."""
    lines = [table.header, ("---",) * len(table.header), *table.rows]
    told = ("| " + " | ".join("" if cell is None else str(cell) for cell in row) for row in lines)
    return f"{table.title}\n\n" + "".join(f"{line} |\n" for line in told)
