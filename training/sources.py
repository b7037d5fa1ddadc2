"""Opens what a configuration names as data: a dataset, or a simulated one drawn on demand.

Which images are put aside is left to `parts`, how samples are made of images to `data`.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from beltmark.contract.documents import Document, sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.package import InputSpec, Task
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.model_names import with_model_names
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.split import Split
from beltmark.simulation.dataset import DatasetPlan, write_dataset
from beltmark.simulation.shapes.families import NONE_OF_THESE
from training.compress.settings import CompressSettings
from training.config import DEFAULT_BACKBONE, AugmentSettings, DistillSettings, TrainConfig
from training.data.augment import Augmenter
from training.data.balance import class_weights, count_classes, repeats
from training.data.batches import TrainingSamples
from training.data.cutouts import cut_out_all
from training.data.disk_cache import DiskCache
from training.data.samples import SampleStore

log = logging.getLogger(__name__)

LARGER_THAN_INPUT = 2
"""Pictures are scaled down to so many times the model's input: varying them may enlarge a part."""

_NO_MATTER = {"threads", "workers", "save_every_s"}
"""Training settings that change no result."""

_NEWER: Mapping[str, Mapping[str, object]] = {
    "": {"task": "detect", "distill": DistillSettings()},
    "data": {"own_parts": False},
    "training": {
        "backbone": DEFAULT_BACKBONE,
        "context": False,
        "dropout": 0,
        "label_smoothing": 0,
        "mixup": 0,
        "first_size": 1,
        "check_every": 0,
        "patience": 0,
    },
    # Checkpoints from before become int8 as models do today.
    "compress": {
        name: field.default
        for name, field in CompressSettings.model_fields.items()
        if name != "calibration_images"
    },
}
"""Fields that came later, with what runs did before: so set, they are no part of the fingerprint,
and checkpoints from before stay good."""


def input_spec(config: TrainConfig) -> InputSpec:
    """What the trained model needs of an image: blue first, as cameras give it to us."""
    return InputSpec(
        height_px=config.input.height_px, width_px=config.input.width_px, colour_order="BGR"
    )


def open_dataset(config: TrainConfig, folder: Path) -> Dataset:
    """Reads the dataset; a simulated one is drawn below `folder` first, unless it is there.

    Its classes are called as the model will call them.

    Raises:
        InputError: The dataset is missing, does not fit, or not this task.
    """
    if config.data.simulated is not None:
        simulated = config.data.simulated
        plan = DatasetPlan(images=simulated.images, seed=simulated.seed)
        return _draw(plan, folder / f"simulated-{plan.images}-{plan.seed}")
    assert config.data.annotations is not None, "one of the two is given"
    dataset = read_dataset(config.data.annotations)
    if dataset.clipped:
        log.warning("%s: cut %d boxes at their image's border", dataset.path, dataset.clipped)
    check_task(config.task, dataset)
    return ready_for(config.task, dataset)


def ready_for(task: Task, dataset: Dataset) -> Dataset:
    """Returns a dataset with its classes called as a model calls them; for classifiers, bare.

    Raises:
        InputError: A class cannot be called so.
    """
    return with_model_names(_only_whole(dataset) if task == "classify" else dataset)


def check_task(task: Task, dataset: Dataset) -> None:
    """Makes sure that a dataset says what a task has to learn.

    Raises:
        InputError: It has no boxes, or classes not of all images, or only one of them.
    """
    if task == "detect":
        if any(image.objects for image in dataset.images):
            return
        raise InputError(
            "has no box to learn from",
            'draw boxes, or set task = "classify" to learn what images as a whole are',
            file=dataset.path,
        )
    without = [image for image in dataset.images if image.class_index is None]
    if without:
        raise InputError(
            f"{len(without)} of {len(dataset.images)} images are of no class as a whole "
            f"(the first: {without[0].path.name})",
            'put each into the folder of its class, or set task = "detect" if boxes tell',
            file=dataset.path,
        )
    if len({image.class_index for image in dataset.images}) < 2:
        raise InputError(
            "has images of one class only", "add what it is to be told from", file=dataset.path
        )


def _only_whole(dataset: Dataset) -> Dataset:
    """Leaves boxes out: a classifier neither learns them nor is asked for them."""
    images = (replace(image, objects=(), ignore_xyxy_px=()) for image in dataset.images)
    return replace(dataset, images=tuple(images))


def training_samples(
    config: TrainConfig,
    config_path: Path,
    images: tuple[LabelledImage, ...],
    classes: int,
    folder: Path,
) -> TrainingSamples:
    """Makes the endless samples of a run.

    Args:
        config: The run's.
        config_path: Its file, for messages.
        images: To learn from.
        classes: How many classes the dataset has.
        folder: The run's: what takes long to make is kept there.

    Raises:
        InputError: An image is unreadable, or a transform does not exist.
    """
    spec = input_spec(config)
    augmenter = Augmenter(
        config.augment.pipeline, config_path, input_px=(spec.width_px, spec.height_px)
    )
    cache = _cache(config, folder)
    store = SampleStore(
        images,
        longest_px=LARGER_THAN_INPUT * max(spec.width_px, spec.height_px),
        cache=cache,
        notes=folder / "readable.txt",
    )
    cutouts = cut_out_all(store) if config.augment.paste_share else []
    if cutouts:
        log.info("cut out %d objects", sum(map(len, cutouts)))
    counts = count_classes(images, classes)
    if not counts.images.all():
        log.warning("%d classes have no image to learn from", int((counts.images == 0).sum()))
    factors = repeats(images, classes, config.balance)
    log.info(
        "the most frequent class is in %.1f times as many images as the rarest; "
        "a round shows images %s",
        counts.imbalance,
        "once each" if factors is None else f"up to {factors.max():.1f} times",
    )
    return TrainingSamples(
        store,
        cutouts=cutouts,
        backgrounds=_backgrounds(config, folder),
        augmenter=augmenter,
        settings=config.augment,
        spec=spec,
        seed=config.training.seed,
        factors=factors,
        class_weights=class_weights(counts, config.balance),
    )


def samples_aside(
    config: TrainConfig, config_path: Path, images: tuple[LabelledImage, ...], folder: Path
) -> TrainingSamples:
    """Makes samples of images put aside: each as a station would see it, varied by nothing.

    Args:
        config: The run's.
        config_path: Its file, for messages.
        images: That are put aside.
        folder: The run's: what takes long to make is kept there.

    Raises:
        InputError: An image is unreadable.
    """
    spec = input_spec(config)
    store = SampleStore(
        images,
        longest_px=LARGER_THAN_INPUT * max(spec.width_px, spec.height_px),
        cache=_cache(config, folder),
    )
    return TrainingSamples(
        store,
        cutouts=[],
        backgrounds=SampleStore(()),
        augmenter=Augmenter((), config_path),
        settings=AugmentSettings(),
        spec=spec,
        seed=config.training.seed,
    )


def _cache(config: TrainConfig, folder: Path) -> DiskCache | None:
    settings = config.cache
    if not settings.limit_mb:
        return None
    return DiskCache(settings.folder or folder / "pictures", settings.limit_mb * 1024 * 1024)


def fingerprint(config: TrainConfig, dataset: Dataset, split: Split) -> str:
    """Digest of all that a run's result depends on."""
    result = config.model_dump_json(
        exclude={
            "training": _NO_MATTER | _unused(config.training, "training"),
            "data": _unused(config.data, "data"),
            "compress": _unused(config.compress, "compress"),
            **dict.fromkeys(_unused(config, ""), True),
            "cache": True,
            "tracking": True,
        }
    )
    return sha256_of(f"{result} {dataset.sha256} {split.sha256}".encode())


def _unused(settings: Document, table: str) -> set[str]:
    """Returns the fields of a table that came later and are set to what there was before."""
    return {name for name, before in _NEWER[table].items() if getattr(settings, name) == before}


def _backgrounds(config: TrainConfig, folder: Path) -> SampleStore:
    """Draws belts with foreign objects, which are no objects to find here."""
    if not config.augment.simulated_backgrounds:
        return SampleStore(())
    plan = DatasetPlan(
        images=config.augment.simulated_backgrounds,
        seed=config.training.seed,
        class_names=(NONE_OF_THESE,),
    )
    return SampleStore(
        _draw(plan, folder / f"backgrounds-{plan.images}-{plan.seed}").images, bare=True
    )


def _draw(plan: DatasetPlan, folder: Path) -> Dataset:
    """Draws a simulated dataset, or reads it if this very one was drawn before."""
    annotations = folder / "annotations.json"
    if not annotations.is_file():  # it is written last
        log.info("drawing %d images into %s", plan.images, folder)
        write_dataset(plan, folder, workers=os.cpu_count() or 1)
    return read_dataset(annotations)
