"""Opens what a configuration names as data: a COCO file, or a simulated dataset drawn on demand.

Which scenes are put aside is decided here too; how samples are made of images is left to `data`.
"""

import logging
import os
from pathlib import Path

from beltmark.contract.documents import sha256_of
from beltmark.contract.package import InputSpec
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.split import Split, draw_scenes, split_by_scene
from beltmark.datasets.split_file import read_split, split_by_file
from beltmark.simulation.dataset import DatasetPlan, write_dataset
from beltmark.simulation.shapes.families import NONE_OF_THESE
from training.config import TrainConfig
from training.data.augment import Augmenter
from training.data.balance import class_weights, count_classes, repeats
from training.data.batches import TrainingSamples
from training.data.cutouts import cut_out_all
from training.data.disk_cache import DiskCache
from training.data.samples import SampleStore

log = logging.getLogger(__name__)

LARGER_THAN_INPUT = 2
"""Pictures are scaled down to so many times the model's input: varying them may enlarge a part."""

SPLIT_SEED = 0
"""Which scenes are put aside does not change with the seed of a run."""


def input_spec(config: TrainConfig) -> InputSpec:
    """What the trained model needs of an image: blue first, as cameras give it to us."""
    return InputSpec(
        height_px=config.input.height_px, width_px=config.input.width_px, colour_order="BGR"
    )


def open_dataset(config: TrainConfig, folder: Path) -> Dataset:
    """Reads the dataset; a simulated one is drawn below `folder` first, unless it is there.

    Raises:
        InputError: The dataset is missing or does not fit.
    """
    if config.data.simulated is not None:
        simulated = config.data.simulated
        plan = DatasetPlan(images=simulated.images, seed=simulated.seed)
        return _draw(plan, folder / f"simulated-{plan.images}-{plan.seed}")
    assert config.data.annotations is not None, "one of the two is given"
    dataset = read_dataset(config.data.annotations)
    if dataset.clipped:
        log.warning("%s: cut %d boxes at their image's border", dataset.path, dataset.clipped)
    return dataset


def split_dataset(config: TrainConfig, dataset: Dataset) -> Split:
    """Puts images aside as the configuration says.

    Raises:
        InputError: A scene is not known, none is left, or the split file does not fit the dataset.
    """
    data = config.data
    if data.split is not None:
        return split_by_file(dataset, read_split(data.split), data.fold)
    if data.validation_share or data.test_share:
        shares = (data.validation_share, data.test_share)
        validation, test = draw_scenes(dataset.images, shares, SPLIT_SEED)
        return split_by_scene(dataset, validation, test)
    return split_by_scene(
        dataset, [str(s) for s in data.validation_scenes], [str(s) for s in data.test_scenes]
    )


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
    augmenter = Augmenter(config.augment.pipeline, config_path)
    cache = _cache(config, folder)
    spec = input_spec(config)
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


def _cache(config: TrainConfig, folder: Path) -> DiskCache | None:
    settings = config.cache
    if not settings.limit_mb:
        return None
    return DiskCache(settings.folder or folder / "pictures", settings.limit_mb * 1024 * 1024)


def fingerprint(config: TrainConfig, dataset: Dataset, split: Split) -> str:
    """Digest of all that a run's result depends on."""
    result = config.model_dump_json(
        exclude={
            "training": {"threads", "workers", "save_every_s"},
            "cache": True,
            "tracking": True,
        }
    )
    return sha256_of(f"{result} {dataset.sha256} {split.sha256}".encode())


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
