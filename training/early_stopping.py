"""Looks from time to time at images that are put aside, and ends a run that no longer gets better.

The result is then the network that did best on them, not the last one. Prechelt, "Early Stopping
- But When?", in Neural Networks: Tricks of the Trade, 1998 (his criterion UP).
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from training.config import TrainConfig
from training.data.batches import Batch, TrainingSamples, batches
from training.objective import Network, make_objective

MOST_IMAGES = 256
MOST_BYTES = 128 * 1024 * 1024
"""At most so many pixels of images to check by are kept in memory."""


class EarlyStopping:
    """How the averaged network does on images that it does not learn from.

    Args:
        config: The run's.
        aside: Batches of images put aside, as a station would see them.
    """

    def __init__(self, config: TrainConfig, aside: Sequence[Batch]) -> None:
        settings = config.training
        plain = settings.model_copy(update={"label_smoothing": 0.0, "mixup": 0.0})
        self._objective = make_objective(config.model_copy(update={"training": plain}), None)
        self._every, self._patience = settings.check_every, settings.patience
        self._aside = aside
        self._best_loss = float("inf")
        self._best: dict[str, Any] | None = None
        self._worse = 0

    def is_due(self, step: int) -> bool:
        """Whether to look after so many steps."""
        return step % self._every == 0

    @property
    def is_over(self) -> bool:
        """Whether it was no better for as many looks in a row as patience lasts."""
        return 0 < self._patience <= self._worse

    def check(self, network: Network) -> float:
        """Returns what the images put aside cost a network, and remembers the best one."""
        loss = self._loss(network)
        if loss < self._best_loss:
            self._best_loss, self._worse = loss, 0
            self._best = copy.deepcopy(network.state_dict()) if self._patience else None
        else:
            self._worse += 1
        return loss

    def best(self, network: Network) -> Network:
        """Returns the network with the weights that did best, where any are kept."""
        if self._best is not None:
            network.load_state_dict(self._best)
        return network

    def state(self) -> dict[str, Any]:
        """Returns all that the next check depends on."""
        return {"loss": self._best_loss, "best": self._best, "worse": self._worse}

    def load(self, state: dict[str, Any]) -> None:
        """Goes on from such a state."""
        self._best_loss, self._best, self._worse = state["loss"], state["best"], state["worse"]

    @torch.no_grad()
    def _loss(self, network: Network) -> float:
        network.eval()
        rng = np.random.default_rng(0)  # nothing is drawn
        losses, images = 0.0, 0
        for batch in self._aside:
            told = self._objective(network, batch, rng)
            losses += sum(value.item() for value in told.values()) * len(batch.images)
            images += len(batch.images)
        return losses / images


def aside(samples: TrainingSamples, images: int, batch_size: int) -> list[Batch]:
    """Returns batches of images put aside, each once, as many as fit into memory.

    Args:
        samples: Of these images, not varied.
        images: How many there are.
        batch_size: Of a batch.
    """
    first = samples[0]
    count = min(images, MOST_IMAGES, max(MOST_BYTES // first.image_bgr.nbytes, 1))
    steps = max(count // batch_size, 1)
    size = min(batch_size, count)
    return list(batches(samples, first_step=0, steps=steps, batch_size=size, workers=0))
