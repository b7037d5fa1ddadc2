"""What every part of an evaluation may look at, and what it says when it has nothing to say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import CurvePoint, ModelPackage
from beltmark.datasets.dataset import Dataset
from training.evaluate.bootstrap import DRAWS, FEW_GROUPS, Interval, Statistic, bootstrap
from training.evaluate.cache import LookCache
from training.evaluate.classes import ClassMatch
from training.evaluate.evaluation import Evaluation
from training.evaluate.precision import threshold_for

ANSWERS_FROM = 0.5
"""From which score on an answer counts where no operating point is asked for: as scores are
calibrated, it is likelier right than wrong."""

TOLD_ANSWERS = f"answers with a score from {ANSWERS_FROM:g} on"


@dataclass(frozen=True)
class LeftOut:
    """Stands for a section that there is not.

    Attributes:
        reason: Why, and what would bring it.
    """

    reason: str


@dataclass(frozen=True, eq=False)
class Context:
    """What is evaluated, on what, with what beside it.

    Attributes:
        package: What is evaluated.
        dataset: What it is evaluated on; `evaluation.images` are the part that was chosen.
        classes: How the dataset's classes stand to the model's.
        evaluation: What it did there.
        target_precision: For the threshold that the package's curve suggests.
        chosen_threshold: The operating point, where it is not to be the suggested one.
        fitting: What it did on images put aside for choosing by, for the temperature.
        unknown: What it did on products that it was never shown.
        reference: The same model before compression.
        checkpoint: The network that it was exported from.
        cache: What was seen before.
        kept: Folder for what else is seen, so that an interrupted evaluation goes on.
        draws: Of each bootstrap.
        seed: Of all that is drawn.
    """

    package: ModelPackage
    dataset: Dataset
    classes: ClassMatch
    evaluation: Evaluation
    target_precision: float
    chosen_threshold: float | None = None
    fitting: Evaluation | None = None
    unknown: Evaluation | None = None
    reference: ModelPackage | None = None
    checkpoint: Path | None = None
    cache: LookCache | None = None
    kept: Path | None = None
    draws: int = DRAWS
    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The model's classes."""
        return self.package.manifest.classes

    @property
    def scenes(self) -> list[str]:
        """Of each image."""
        return [image.scene for image in self.evaluation.images]

    @property
    def suggested(self) -> CurvePoint | None:
        """The threshold that the package's curve suggests; None where it reaches no such target."""
        return threshold_for(self.package.manifest.curve, self.target_precision)

    @property
    def threshold(self) -> float:
        """The operating point: as asked for, else as suggested, else where answers count at all."""
        if self.chosen_threshold is not None:
            return self.chosen_threshold
        return ANSWERS_FROM if self.suggested is None else self.suggested.threshold

    def told_threshold(self) -> str:
        """Says which threshold that is."""
        if self.chosen_threshold is not None:
            return f"threshold {self.threshold:g}, as asked for"
        if self.suggested is None:
            return (
                f"threshold {ANSWERS_FROM:g}, as the package's curve reaches a precision of "
                f"{self.target_precision:g} nowhere"
            )
        return (
            f"threshold {self.threshold:g}, which the package suggests for a precision of "
            f"{self.target_precision:g} frame by frame"
        )

    def interval(
        self,
        statistic: Statistic,
        groups: Sequence[str] | None = None,
        *,
        counted: NDArray[np.bool_] | None = None,
    ) -> Interval | None:
        """Draws scenes anew; None where there is only one.

        Args:
            statistic: The figure.
            groups: What is drawn, of each row that the figure is of; without it, the images'
                scenes.
            counted: Which rows have a part in it, bool [N]: the groups of others do not count.
                Without it, all do.
        """
        groups = self.scenes if groups is None else groups
        if counted is None:
            return bootstrap(groups, statistic, self.draws, self.seed)
        rows = np.flatnonzero(counted)
        return bootstrap(
            [groups[row] for row in rows],
            lambda drawn: statistic(rows[drawn]),
            self.draws,
            self.seed,
        )


def with_interval(name: str, value: float, interval: Interval | None) -> Mapping[str, float | None]:
    """Returns a number and the bounds of its interval, as a section has them."""
    return {
        name: number(value),
        f"{name}_low": None if interval is None else number(interval.low),
        f"{name}_high": None if interval is None else number(interval.high),
    }


def number(value: float) -> float | None:
    """Returns a figure for a section, to six places; None for what is not a number."""
    return round(float(value), 6) if isfinite(value) else None


def told_interval(value: float, interval: Interval | None, what: str) -> str:
    """Says a figure with its interval, and how far that can be trusted."""
    if interval is None:
        return f"{what} {value:.4f}; from a single scene no interval can be told."
    told = f"{what} {value:.4f} (95 % interval {interval.low:.4f} to {interval.high:.4f}"
    few = ": so few that it is too narrow" if interval.groups < FEW_GROUPS else ""
    return f"{told}, from {interval.groups} scenes{few})."
