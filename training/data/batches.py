"""Feeds the training loop: sample number n is the same whichever process prepares it, and when.

Every sample has its own random generator, seeded by the run's seed and its number; so loader
processes differ from each other, and a run that is resumed goes on as if it had not stopped.
"""

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from beltmark.contract.package import InputSpec
from edge_agent.vision.preprocess import Preprocessor
from training.config import AugmentSettings
from training.data.augment import Augmenter
from training.data.balance import order, round_length
from training.data.cutouts import Cutout, textured_background
from training.data.mixing import mosaic, paste
from training.data.samples import Sample, Samples
from training.model.labels import NOT_JUDGED, PADDING
from training.ranks import ALONE, Ranks

MIN_SIDE_PX = 7.0
"""Objects smaller than this in the model's input are not judged: no place may lie within."""


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    Attributes:
        images: uint8 [B, H, W, 3], 0..255, BGR.
        boxes: float32 [B, M, 4], xyxy in input pixels.
        labels: int64 [B, M], classes, `NOT_JUDGED` or `PADDING`.
        classes: int64 [B], of each image as a whole, or `NOT_JUDGED` where it has none.
    """

    images: Tensor
    boxes: Tensor
    labels: Tensor
    classes: Tensor


class TrainingSamples(Dataset[Sample]):
    """Endless varied samples by number; each round over the images has its own order.

    Attributes:
        class_weights: float32 [C], what classes weigh in the loss; None is all the same.
    """

    def __init__(
        self,
        store: Samples,
        *,
        cutouts: Sequence[Sequence[Cutout]],
        backgrounds: Samples,
        augmenter: Augmenter,
        settings: AugmentSettings,
        spec: InputSpec,
        seed: int,
        factors: NDArray[np.float64] | None = None,
        class_weights: NDArray[np.float32] | None = None,
    ) -> None:
        """Gathers what samples are made of.

        Args:
            store: The training images.
            cutouts: By class, to lay on backgrounds.
            backgrounds: Images without objects to find, beside those that are drawn.
            augmenter: Varies each sample last.
            settings: Shares of mosaics and pasted samples.
            spec: The model's input.
            seed: Of the run.
            factors: float64 [N], how often each image is shown a round; None is once.
            class_weights: float32 [C], what classes weigh in the loss; None is all the same.
        """
        self._store = store
        self._cutouts = cutouts
        self._backgrounds = backgrounds
        self._augmenter = augmenter
        self._settings = settings
        self._spec = spec
        self._prepare = Preprocessor(spec)
        self._seed = seed
        self._factors = factors
        self._round: tuple[int, NDArray[np.int64]] | None = None
        self.class_weights = class_weights

    def __getitem__(self, number: int) -> Sample:
        rng = np.random.default_rng([self._seed, 1, number])
        sample = self._augmenter(self._mixed(number, rng), rng)
        model_input, letterbox = self._prepare(sample.image_bgr)
        fitted = Sample(
            model_input[0].copy(),
            letterbox.to_input(sample.boxes_xyxy_px),
            sample.labels,
            sample.class_index,
        )
        return fitted.without_small(MIN_SIDE_PX)

    def _mixed(self, number: int, rng: np.random.Generator) -> Sample:
        base = self._store[self._index(number)]
        kind = rng.uniform()
        if kind < self._settings.mosaic_share:
            others = rng.integers(len(self._store), size=3)
            return mosaic([base, *(self._store[int(index)] for index in others)], rng)
        if self._cutouts and kind < self._settings.mosaic_share + self._settings.paste_share:
            count = int(rng.integers(1, self._settings.max_pasted + 1))
            chosen = [self._cutouts[int(rng.integers(len(self._cutouts)))] for _ in range(count)]
            picked = [group[int(rng.integers(len(group)))] for group in chosen]
            return paste(self._background(base, rng), picked, rng)
        return base

    def _background(self, base: Sample, rng: np.random.Generator) -> Sample:
        """Chooses what to paste on: a training image, a background image, or a drawn surface."""
        kind = rng.uniform()
        if kind < 0.4:
            return base
        if kind < 0.7 and self._backgrounds:
            return self._backgrounds[int(rng.integers(len(self._backgrounds)))]
        height, width = base.image_bgr.shape[:2]
        return Sample(
            textured_background(height, width, rng),
            np.zeros((0, 4), np.float32),
            np.zeros(0, np.int64),
        )

    def _index(self, number: int) -> int:
        """The image that a sample number starts from; each round visits every image once.

        More often, where factors say so.
        """
        length = round_length(len(self._store), self._factors)
        round_number, position = divmod(number, length)
        if self._round is None or self._round[0] != round_number:
            made = order(round_number, self._seed, len(self._store), self._factors)
            self._round = round_number, made
        return int(self._round[1][position])


def batches(
    samples: TrainingSamples,
    *,
    first_step: int,
    steps: int,
    batch_size: int,
    workers: int,
    ranks: Ranks = ALONE,
) -> "DataLoader[Batch]":
    """Returns the batches of steps `first_step` to `steps` - 1, prepared by `workers` processes.

    Of several processes that learn together each gets its share of every batch.
    """
    share = batch_size // ranks.world
    first, end = first_step * batch_size, steps * batch_size
    loader: DataLoader[Any] = DataLoader(
        samples,
        batch_size=share,
        sampler=_Numbers(first, end, batch_size, share, ranks.rank),
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=_start_worker,
        prefetch_factor=4 if workers else None,
    )
    return loader


@dataclass(frozen=True)
class _Numbers:
    """The numbers of one process's samples: of each batch its share."""

    first: int
    end: int
    batch_size: int
    share: int
    rank: int

    def __iter__(self) -> Iterator[int]:
        for start in range(self.first, self.end, self.batch_size):
            yield from range(start + self.rank * self.share, start + (self.rank + 1) * self.share)

    def __len__(self) -> int:
        return (self.end - self.first) // self.batch_size * self.share


def collate(samples: Sequence[Sample]) -> Batch:
    """Joins samples of one size; rows of boxes are filled up with `PADDING`."""
    most = max(len(sample.labels) for sample in samples)
    boxes = np.zeros((len(samples), most, 4), np.float32)
    labels = np.full((len(samples), most), PADDING, np.int64)
    for row, sample in enumerate(samples):
        boxes[row, : len(sample.labels)] = sample.boxes_xyxy_px
        labels[row, : len(sample.labels)] = sample.labels
    images = torch.from_numpy(np.stack([sample.image_bgr for sample in samples]))
    wholes = [NOT_JUDGED if each.class_index is None else each.class_index for each in samples]
    return Batch(images, torch.from_numpy(boxes), torch.from_numpy(labels), torch.tensor(wholes))


def _start_worker(_worker: int) -> None:
    # Ctrl-C reaches every process of the terminal, and `kill` may reach a whole group: the training
    # process alone decides when its loaders end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.setpgrp()
    cv2.setNumThreads(0)
