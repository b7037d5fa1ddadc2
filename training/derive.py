"""What a run should be for data that nobody wrote a configuration for. Pure.

Looking at data and machine is left to `unconfigured`; every choice can be edited afterwards.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beltmark.contract.documents import parse
from beltmark.contract.errors import InputError
from beltmark.contract.package import Task
from training.config import TrainConfig

LEAST_IMAGES = 20
FEW_OF_CLASS = 3
"""Of less than this, some part has none."""

CLASSIFIER_PX = 224
"""Side of a square with as many pixels as a classifier looks at: what its backbone learnt with."""

SEEN_PX = 14.0
"""What the shorter side of a small object should have in the model's input: finest places are 8 px
apart, and objects below 7 px are not learnt from."""

LONGEST_PX = (224, 640)
"""What the longer side of a detector's input may have."""

MOST_ROUNDS = {"detect": 100, "classify": 40}
"""More often than this no image is shown: it would be learnt by heart."""

LEAST_STEPS = 50
OF_TIME = 0.85
"""Share of the time that goes into training; the rest is for export, proof and report."""

MANY = 1000
"""From so many images to learn from, the whole backbone is taught and pictures vary less."""

MIXED = 0.1
"""Where at most this share of the images with several objects show several classes, the image as a
whole says much of what each object is."""

_GRID_PX = 32


@dataclass(frozen=True)
class Facts:
    """What was seen of data and machine.

    Attributes:
        task: What is to be learned.
        data: The dataset.
        images_of: By class name, how many images show it.
        images: How many in all.
        learned: How many of them are to learn from.
        width_px: Of an image, the median.
        height_px: Likewise.
        small_px: Shorter side of objects that only one in twenty is smaller than; None without.
        mixed: Of the images with several objects, the share with several classes; None without.
        threads: That share the work.
        minutes: That the run may take.
        split: A split file that says what is for what; None where the data came in parts.
        step_s: What a step was measured to take; None before that.
    """

    task: Task
    data: Path
    images_of: dict[str, int]
    images: int
    learned: int
    width_px: float
    height_px: float
    small_px: float | None
    mixed: float | None
    threads: int
    minutes: float
    split: Path | None
    step_s: float | None = None


def check_enough(images: int, data: Path) -> None:
    """Makes sure that there is enough to learn from and to be judged by.

    Raises:
        InputError: There is not.
    """
    if images < LEAST_IMAGES:
        raise InputError(
            f"has {images} images, too few to learn from and to be judged by",
            f"add some: {LEAST_IMAGES} at least, hundreds are better",
            file=data,
        )


def derive(facts: Facts) -> TrainConfig:
    """Returns a configuration for these data on this machine.

    Raises:
        InputError: The time is too short for the least of runs.
    """
    is_detect = facts.task == "detect"
    many = facts.learned >= MANY
    batch_size = 16 if is_detect else 32 if many else 16
    steps = _steps(facts, batch_size)
    width_px, height_px = _input_px(facts)
    training: dict[str, Any] = {
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": 3e-3,
        "backbone_rate": 0.4 if is_detect else 0.2,
        "frozen_stages": 2 if is_detect else 0 if many else 2,
        "warmup_steps": max(min(100, steps // 10), 1),
        "average_decay": round(min(max(1 - 10 / steps, 0.8), 0.998), 4),
        "seed": 1,
        "workers": 1,
        "threads": facts.threads,
        "save_every_s": 60.0,
    }
    augment: dict[str, Any] = {"preset": "photographs"}
    if is_detect:
        training["context"] = facts.mixed is not None and facts.mixed <= MIXED
        augment = {"preset": "light" if many else "belt", "mosaic_share": 0.15}
    else:
        training |= {"dropout": 0.2, "label_smoothing": 0.1, "mixup": 0.1}
    document = {
        "name": name_of(facts.data),
        "task": facts.task,
        "data": {"annotations": str(facts.data)}
        | ({"own_parts": True} if facts.split is None else {"split": str(facts.split)}),
        "input": {"width_px": width_px, "height_px": height_px},
        "training": training,
        "augment": augment,
    }
    return parse(document, TrainConfig, facts.data)


def in_words(facts: Facts, config: TrainConfig) -> list[str]:
    """Says what was chosen and why."""
    training, size = config.training, config.input
    rarest = min(facts.images_of.items(), key=lambda entry: entry[1])
    few = [name for name, count in facts.images_of.items() if count < FEW_OF_CLASS]
    told = [
        f"{facts.images} images, {len(facts.images_of)} classes; the rarest, {rarest[0]}, is in "
        f"{rarest[1]}. {facts.learned} images are to learn from.",
        "The data came in parts, which are used."
        if facts.split is None
        else f"Parts were drawn, what looks nearly the same together: {facts.split}.",
        *([f"TOO FEW to be judged by, or none: {', '.join(few[:20])}."] if few else []),
    ]
    if facts.small_px is None:
        told.append(f"Input {size.width_px}x{size.height_px}: as many pixels as 224x224.")
    else:
        scale = min(size.width_px / facts.width_px, size.height_px / facts.height_px)
        told.append(
            f"Input {size.width_px}x{size.height_px}: small objects, {facts.small_px:.0f} px of "
            f"{facts.width_px:.0f}x{facts.height_px:.0f}, have {facts.small_px * scale:.0f} px "
            "there" + (": they will be found badly." if facts.small_px * scale < 8 else ".")
        )
    if training.context:
        told.append(
            f"Of images with several objects, {facts.mixed or 0:.0%} show several classes: the "
            "image as a whole has its say in what each object is."
        )
    rounds = training.steps * training.batch_size / facts.learned
    took = "" if facts.step_s is None else f" of {facts.step_s:.2f} s, as measured,"
    threads = "one thread" if training.threads == 1 else f"{training.threads} threads"
    told.append(
        f"{training.steps} steps{took} with {training.batch_size} images each on "
        f"{threads}: each image about {rounds:.0f} times, "
        f"{(facts.step_s or 0) * training.steps / 60:.0f} of {facts.minutes:g} minutes."
    )
    return told


def name_of(data: Path) -> str:
    """Returns a package's name for a dataset: that of its folder, as far as it can be one."""
    folder = data if not data.suffix else data.parent
    plain = re.sub(r"[^A-Za-z0-9._\-]+", "-", folder.resolve().name).strip("-._")
    return plain[:64] or "model"


def _steps(facts: Facts, batch_size: int) -> int:
    """As many as the time allows, but no more than are of use."""
    most = max(MOST_ROUNDS[facts.task] * facts.learned // batch_size, LEAST_STEPS)
    if facts.step_s is None:
        return most
    fit = int(facts.minutes * 60 * OF_TIME / facts.step_s)
    if fit < LEAST_STEPS:
        needed = LEAST_STEPS * facts.step_s / OF_TIME / 60
        raise InputError(
            f"--minutes {facts.minutes:g} is {fit} steps of {facts.step_s:.2f} s, too few to learn",
            f"give at least {needed:.0f}",
            field="--minutes",
        )
    return min(fit, most)


def _input_px(facts: Facts) -> tuple[int, int]:
    """Returns width and height of the model's input, in the images' shape."""
    width, height = facts.width_px, facts.height_px
    if facts.task == "classify":
        # Pictures that are smaller gain nothing by being enlarged to more than twice their size.
        pixels = min(CLASSIFIER_PX**2, 4 * width * height)
        scale = (pixels / (width * height)) ** 0.5
    else:
        wanted = SEEN_PX / max(facts.small_px or SEEN_PX, 1.0)
        longest = max(width, height)
        low, high = LONGEST_PX
        scale = min(max(wanted * longest, low), high) / longest
    return _on_grid(width * scale), _on_grid(height * scale)


def _on_grid(side_px: float) -> int:
    return min(max(round(side_px / _GRID_PX) * _GRID_PX, 2 * _GRID_PX), 1024)


def shorter_sides(boxes: Sequence[tuple[float, float, float, float]]) -> list[float]:
    """Returns the shorter side of each box xyxy, rising."""
    return sorted(min(right - left, bottom - top) for left, top, right, bottom in boxes)
