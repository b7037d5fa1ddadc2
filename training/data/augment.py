"""Varies single samples with albumentations, as the configuration lists its transforms.

Every draw comes from a generator given by the caller, so that a sample depends on its number alone:
albumentations by itself repeats its random numbers in every loader process.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it asks a server at import otherwise
import albumentations

from beltmark.contract.errors import InputError
from training.config import Transform
from training.data.samples import Sample

MIN_VISIBLE = 0.3
"""Objects of which less is left in the picture are dropped from the truth."""


class Augmenter:
    """A pipeline of albumentations transforms over image and boxes."""

    def __init__(self, transforms: Sequence[Transform], file: Path) -> None:
        """Builds the pipeline.

        Args:
            transforms: What the configuration lists.
            file: The configuration, for messages.

        Raises:
            InputError: A transform does not exist or refuses its arguments.
        """
        self._compose = albumentations.Compose(
            [_build(index, given, file) for index, given in enumerate(transforms)],
            bbox_params=albumentations.BboxParams(
                format="pascal_voc",
                label_fields=["labels"],
                min_visibility=MIN_VISIBLE,
                clip=True,
            ),
        )

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns a varied copy of the sample."""
        self._compose.set_random_seed(int(rng.integers(2**31)))
        varied = self._compose(
            image=sample.image_bgr, bboxes=sample.boxes_xyxy_px, labels=sample.labels
        )
        return Sample(
            varied["image"],
            np.asarray(varied["bboxes"], np.float32).reshape(-1, 4),
            np.asarray(varied["labels"], np.int64).reshape(-1),
        )


def _build(index: int, given: Transform, file: Path) -> albumentations.BasicTransform:
    field = f"augment.pipeline[{index}]"
    made = getattr(albumentations, given.name, None)
    if not (isinstance(made, type) and issubclass(made, albumentations.BasicTransform)):
        raise InputError(
            f"albumentations has no transform {given.name!r}",
            "see its documentation for the names",
            file=file,
            field=f"{field}.name",
        )
    try:
        return made(p=given.p, **given.params)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{given.name} refuses its arguments: {' '.join(str(error).split())[:200]}",
            "correct params",
            file=file,
            field=f"{field}.params",
        ) from None
