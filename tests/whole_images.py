"""Samples for tiny trainings of classifiers: whole images of 64 x 64 pixels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import InputSpec
from training.config import AugmentSettings, Transform
from training.data.augment import Augmenter
from training.data.batches import TrainingSamples
from training.data.samples import Sample


def whole_image(picture: NDArray[np.uint8], class_index: int) -> Sample:
    """An image without boxes, of a class."""
    return Sample(picture, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), class_index)


def samples_of(store: Sequence[Sample], *pipeline: Transform) -> TrainingSamples:
    """Endless samples of these images, varied by nothing but the pipeline."""
    return TrainingSamples(
        store,
        cutouts=[],
        backgrounds=[],
        augmenter=Augmenter(pipeline, Path("config.toml")),
        settings=AugmentSettings(),
        spec=InputSpec(height_px=64, width_px=64, colour_order="BGR"),
        seed=0,
    )
