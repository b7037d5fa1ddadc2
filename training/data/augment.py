"""Varies single samples with albumentations, as the configuration lists its transforms.

Every draw comes from a generator given by the caller, so that a sample depends on its number alone:
albumentations by itself repeats its random numbers in every loader process.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it asks a server at import otherwise
import albumentations

from beltmark.contract.errors import InputError
from edge_agent.vision.preprocess import Letterbox
from training.config import Transform
from training.data.samples import Sample
from training.model.labels import NOT_JUDGED

_SIZE = "size"

MIN_VISIBLE = 0.3
"""Objects of which less is left in the picture are not judged: part of them can still be seen."""


INPUT_PX = (224, 224)


class Augmenter:
    """A pipeline of albumentations transforms over image and boxes.

    A crop that is brought to a given size (RandomResizedCrop) fills the place that the whole
    picture takes in the model's input, so that the rest is padded as it is at a station.
    """

    def __init__(
        self,
        transforms: Sequence[Transform],
        file: Path,
        *,
        input_px: tuple[int, int] = INPUT_PX,
    ) -> None:
        """Builds the pipeline.

        Args:
            transforms: What the configuration lists.
            file: The configuration, for messages.
            input_px: Width and height of the model's input.

        Raises:
            InputError: A transform does not exist or refuses its arguments.
        """
        built = [_build(index, given, file) for index, given in enumerate(transforms)]
        self._input_px = input_px
        self._fitted = [
            made
            for made, given in zip(built, transforms, strict=True)
            if _is_fitted(given) and _SIZE not in given.params
        ]
        self._moves = any(isinstance(one, albumentations.DualTransform) for one in built)
        if not self._moves:
            self._compose = albumentations.Compose(built)
            return
        self._compose = albumentations.Compose(
            built,
            bbox_params=albumentations.BboxParams(
                format="pascal_voc", label_fields=["rows"], clip=True, min_width=1, min_height=1
            ),
            # Boxes are cut at the border; their corners are not, and tell how much was cut.
            keypoint_params=albumentations.KeypointParams(format="xy", remove_invisible=False),
        )

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Returns a varied copy of the sample."""
        self._compose.set_random_seed(int(rng.integers(2**31)))
        # Its transforms take red to come first: light of another colour, grey and hue depend on it.
        given = _swapped(sample.image_bgr)
        height, width = given.shape[:2]
        place = Letterbox.fit(width, height, *self._input_px)
        for crop in self._fitted:
            crop.size = place.used_height_px, place.used_width_px
        if not self._moves:
            return replace(sample, image_bgr=_swapped(self._compose(image=given)["image"]))
        varied = self._compose(
            image=given,
            bboxes=sample.boxes_xyxy_px,
            rows=np.arange(len(sample.labels)),
            keypoints=sample.boxes_xyxy_px[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2),
        )
        height, width = varied["image"].shape[:2]
        corners = np.asarray(varied["keypoints"], np.float32).reshape(-1, 4, 2)
        rows = np.asarray(varied["rows"], np.int64).reshape(-1)
        visible = np.array([_visible(corners[row], width, height) for row in rows])
        labels = np.where(visible < MIN_VISIBLE, NOT_JUDGED, sample.labels[rows])
        return replace(
            sample,
            image_bgr=_swapped(varied["image"]),
            boxes_xyxy_px=np.asarray(varied["bboxes"], np.float32).reshape(-1, 4),
            labels=labels.astype(np.int64),
        )


def _swapped(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Swaps red and blue of uint8 [H, W, 3]."""
    return np.ascontiguousarray(image[..., ::-1])


def _visible(corners_px: NDArray[np.float32], width: int, height: int) -> float:
    """Returns the share of a quadrilateral, float32 [4, 2], that is inside the picture."""
    whole = cv2.contourArea(corners_px)
    if whole <= 0:
        return 0.0
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inside, _ = cv2.intersectConvexConvex(corners_px, frame)
    return float(inside / whole)


def _is_fitted(given: Transform) -> bool:
    return given.name == "RandomResizedCrop"


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
    size = {_SIZE: INPUT_PX} if _is_fitted(given) else {}  # until the first picture is seen
    try:
        return made(p=given.p, **size | given.params)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{given.name} refuses its arguments: {' '.join(str(error).split())[:200]}",
            "correct params",
            file=file,
            field=f"{field}.params",
        ) from None
