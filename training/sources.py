"""Opens what a configuration names as data: a COCO file, or a simulated dataset drawn on demand.

Which scenes are put aside is decided here too; how samples are made of images is left to `data`.
"""

import logging
import os
from pathlib import Path

import numpy as np

from beltmark.contract.documents import sha256_of
from beltmark.contract.package import InputSpec
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.split import Split, draw_scenes, split_by_scene
from beltmark.simulation.dataset import DatasetPlan, write_dataset
from beltmark.simulation.shapes.families import NONE_OF_THESE
from training.config import TrainConfig
from training.data.augment import Augmenter
from training.data.batches import TrainingSamples
from training.data.cutouts import cut_out_all
from training.data.samples import Sample, SampleStore

log = logging.getLogger(__name__)

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
    """Puts scenes aside as the configuration says.

    Raises:
        InputError: A scene is not known, or none is left.
    """
    data = config.data
    if data.validation_share or data.test_share:
        shares = (data.validation_share, data.test_share)
        validation, test = draw_scenes(dataset.images, shares, SPLIT_SEED)
        return split_by_scene(dataset, validation, test)
    return split_by_scene(
        dataset, [str(s) for s in data.validation_scenes], [str(s) for s in data.test_scenes]
    )


def training_samples(
    config: TrainConfig, config_path: Path, images: tuple[LabelledImage, ...], folder: Path
) -> TrainingSamples:
    """Makes the endless samples of a run.

    Raises:
        InputError: An image is unreadable, or a transform does not exist.
    """
    augmenter = Augmenter(config.augment.pipeline, config_path)
    store = SampleStore(images)
    cutouts = cut_out_all(store) if config.augment.paste_share else []
    if cutouts:
        log.info("cut out %d objects", sum(map(len, cutouts)))
    return TrainingSamples(
        store,
        cutouts=cutouts,
        backgrounds=_backgrounds(config, folder),
        augmenter=augmenter,
        settings=config.augment,
        spec=input_spec(config),
        seed=config.training.seed,
    )


def fingerprint(config: TrainConfig, dataset: Dataset) -> str:
    """Digest of all that a run's result depends on."""
    result = config.model_dump_json(exclude={"training": {"threads", "workers", "save_every_s"}})
    return sha256_of(f"{result} {dataset.sha256}".encode())


def _backgrounds(config: TrainConfig, folder: Path) -> list[Sample]:
    """Draws belts with foreign objects, which are no objects to find here."""
    if not config.augment.simulated_backgrounds:
        return []
    plan = DatasetPlan(
        images=config.augment.simulated_backgrounds,
        seed=config.training.seed,
        class_names=(NONE_OF_THESE,),
    )
    drawn = _draw(plan, folder / f"backgrounds-{plan.images}-{plan.seed}")
    store = SampleStore(drawn.images)
    empty = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    return [Sample(store[index].image_bgr, *empty) for index in range(len(store))]


def _draw(plan: DatasetPlan, folder: Path) -> Dataset:
    """Draws a simulated dataset, or reads it if this very one was drawn before."""
    annotations = folder / "annotations.json"
    if not annotations.is_file():  # it is written last
        log.info("drawing %d images into %s", plan.images, folder)
        write_dataset(plan, folder, workers=os.cpu_count() or 1)
    return read_dataset(annotations)
