"""A run for data without a configuration: looks at data and machine, and writes one.

What is chosen is `derive`'s. The configuration is kept in the run's folder, to be edited and run.
"""

import logging
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from beltmark.contract.errors import InputError
from beltmark.contract.package import Task
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.parts import SPLIT
from beltmark.datasets.split import Split, split_as_told
from beltmark.datasets.split_file import read_split, split_by_file
from training import engine
from training.config import TrainConfig
from training.config_file import write_config
from training.derive import Facts, check_enough, derive, in_words, shorter_sides
from training.evaluate.timing import usable_cores
from training.parts import draw_parts
from training.presets import read_config, with_preset
from training.sources import check_task, ready_for, training_samples

log = logging.getLogger(__name__)

CONFIG = "run.toml"
SHARES = (0.15, 0.15)
MEASURED_STEPS = 3
SMALL_QUANTILE = 0.05


def write_derived(
    data: Path, task: Task, minutes: float, folder: Path, *, cores: int | None = None
) -> Path:
    """Writes a configuration for a dataset into the run's folder, and says what it chose.

    Args:
        data: A dataset of any format that can be read.
        task: What is to be learned.
        minutes: That the run may take.
        folder: The run's.
        cores: That it may use; without it, all that this process may.

    Returns:
        The configuration's path.

    Raises:
        InputError: The data cannot be read, are not of this task, or too few; the time is too
            short; or the folder has a configuration already.
    """
    path = folder / CONFIG
    if path.exists():
        raise InputError(
            "exists already",
            "go on with --resume, run it as it is, or give another --out",
            file=path,
        )
    dataset = read_dataset(data)
    check_task(task, dataset)
    dataset = ready_for(task, dataset)
    check_enough(len(dataset.images), data)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot be made: {error.strerror}", "name a folder that can be written", file=folder
        ) from None
    split, split_path = _parts(dataset, folder)
    facts = _facts(
        task=task,
        data=data.absolute(),  # so that the configuration can be run from anywhere
        dataset=dataset,
        learned=len(split.train),
        minutes=minutes,
        split=None if split_path is None else split_path.absolute(),
    )
    # On a machine that has other work, threads wait for each other: one may be the faster.
    choices = [replace(facts, threads=threads) for threads in {1, cores or usable_cores()}]
    measured = [
        replace(
            each,
            step_s=measured_step_s(with_preset(derive(each), path), path, dataset, split, folder),
        )
        for each in choices
    ]
    facts = min(measured, key=lambda each: each.step_s or 0)
    config = derive(facts)
    told = in_words(facts, config)
    for line in told:
        log.info("%s", line)
    write_config(path, config, told)
    log.info("written to %s: edit it and run it again, if you like", path)
    return path


def check_derived(path: Path, data: Path, task: Task, minutes: float | None) -> None:
    """Makes sure that the run that is gone on with is the one that is asked for.

    Args:
        path: The configuration in the run's folder.
        data: The dataset that is asked for.
        task: Likewise.
        minutes: Likewise, if any.

    Raises:
        InputError: It is another, or its configuration cannot be read.
    """
    config = read_config(path)
    mend = "give another --out"
    if config.task != task:
        raise InputError(f"is to {config.task}, not to {task}", mend, file=path, field="task")
    if config.data.annotations is None or config.data.annotations.resolve() != data.resolve():
        raise InputError(
            f"is about {config.data.annotations}, not {data}",
            mend,
            file=path,
            field="data.annotations",
        )
    if minutes is not None:
        raise InputError(
            f"has its {config.training.steps} steps, however long they take",
            "leave --minutes out when going on",
            file=path,
            field="training.steps",
        )


def images_by_class(dataset: Dataset) -> dict[str, int]:
    """Counts the images that show each class."""
    counts: Counter[int] = Counter()
    for image in dataset.images:
        shown = {item.class_index for item in image.objects}
        counts.update(shown | (set() if image.class_index is None else {image.class_index}))
    return {name: counts[index] for index, name in enumerate(dataset.class_names)}


def mixed_share(dataset: Dataset) -> float | None:
    """Returns the share of several classes among images with several objects; None without such."""
    several = [image.objects for image in dataset.images if len(image.objects) > 1]
    if not several:
        return None
    mixed = sum(len({item.class_index for item in objects}) > 1 for objects in several)
    return mixed / len(several)


def measured_step_s(
    config: TrainConfig, file: Path, dataset: Dataset, split: Split, folder: Path
) -> float:
    """Returns the median time of a step, in seconds: a few are taken, and forgotten.

    Raises:
        InputError: An image cannot be read, or the network cannot be made.
    """
    training = config.training.model_copy(update={"steps": MEASURED_STEPS, "workers": 0})
    short = config.model_copy(update={"training": training})
    classes = len(dataset.class_names)
    state = engine.start(short, classes)
    samples = training_samples(short, file, split.train, classes, folder)
    ends: list[float] = []
    with tempfile.TemporaryDirectory(dir=folder, prefix=".measuring-") as scratch:
        engine.train(
            state,
            samples,
            short,
            "",
            Path(scratch),
            on_step=lambda step, values: ends.append(time.perf_counter()),
        )
    return statistics.median(end - start for start, end in pairwise(ends))


def _parts(dataset: Dataset, folder: Path) -> tuple[Split, Path | None]:
    """Returns the parts, and the file of them where they were drawn."""
    if len({image.attributes.get(SPLIT) for image in dataset.images}) > 1:
        return split_as_told(dataset), None
    path = draw_parts(dataset, SHARES, folder).path
    return split_by_file(dataset, read_split(path)), path


def _facts(
    *,
    task: Task,
    data: Path,
    dataset: Dataset,
    learned: int,
    minutes: float,
    split: Path | None,
) -> Facts:
    boxes = [item.box_xyxy_px for image in dataset.images for item in image.objects]
    sides = shorter_sides(boxes)
    return Facts(
        task,
        data,
        images_by_class(dataset),
        len(dataset.images),
        learned,
        statistics.median(image.width_px for image in dataset.images),
        statistics.median(image.height_px for image in dataset.images),
        sides[int(SMALL_QUANTILE * len(sides))] if sides else None,
        mixed_share(dataset),
        1,
        minutes,
        split,
    )
