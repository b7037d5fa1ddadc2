"""What the pictures of a dataset are like, channel by channel, beside what the model expects.

Normalisation itself is in the model's graph and is the same for every dataset: it is that of the
pictures which its backbone learnt first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from beltmark.datasets.dataset import LabelledImage
from training.data.pictures import load_picture

ENOUGH = 256
"""Pictures looked at, spread over the dataset."""

SMALL_PX = 256


@dataclass(frozen=True)
class ChannelStatistics:
    """Mean and standard deviation over all pixels, 0..255, in the order blue, green, red."""

    mean_bgr: tuple[float, float, float]
    deviation_bgr: tuple[float, float, float]
    images: int

    def __str__(self) -> str:
        told = [
            f"{name} {mean:.0f} ± {deviation:.0f}"
            for name, mean, deviation in zip(
                ("red", "green", "blue"), self.mean_bgr[::-1], self.deviation_bgr[::-1], strict=True
            )
        ]
        return f"{', '.join(told)} of 255 over {self.images} images; the graph takes 127 ± 128"


def channel_statistics(images: Sequence[LabelledImage]) -> ChannelStatistics:
    """Measures the pictures of a dataset; of many, some from all over it.

    Raises:
        InputError: An image cannot be read, or there is none.
    """
    count = min(len(images), ENOUGH)
    total, squares, pixels = np.zeros(3), np.zeros(3), 0
    for number in range(count):
        picture, _ = load_picture(images[number * len(images) // count], SMALL_PX, None)
        values = picture.reshape(-1, 3).astype(np.float64)
        total += values.sum(axis=0)
        squares += (values**2).sum(axis=0)
        pixels += len(values)
    mean = total / max(pixels, 1)
    deviation = np.sqrt(np.maximum(squares / max(pixels, 1) - mean**2, 0))
    blue, green, red = mean.tolist()
    return ChannelStatistics((blue, green, red), tuple(deviation.tolist()), count)
