"""What is learned and from which loss, task by task; the loop around it is the engine's."""

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from beltmark.contract.package import Task
from edge_agent.vision.processor import has_instructions
from training.config import TrainConfig
from training.data.batches import Batch
from training.model.backbones import make_backbone
from training.model.classifier import ClassificationNetwork
from training.model.detector import DetectionNetwork, normalised, places
from training.model.losses import detection_losses

Network = DetectionNetwork | ClassificationNetwork

_HAS_BFLOAT16 = has_instructions("avx512_bf16", "amx_bf16", "bf16")
"""Processors that only imitate bfloat16 take nine times as long with it as with float32."""


class Objective(Protocol):
    """What a task wants of its network."""

    def __call__(
        self, network: nn.Module, batch: Batch, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        """Returns what a batch costs, by name: scalars to be summed.

        Args:
            network: Of this task, from `make_network`.
            batch: What to learn from.
            rng: Of this step alone, so that a resumed run draws what an uninterrupted one does.
        """


class Teaching(Protocol):
    """Networks that a classifier learns from, besides the data.

    Attributes:
        share: Of the loss that goes by them.
    """

    share: float

    def answers(self, images: Tensor) -> Tensor:
        """Returns what they say of images, `normalised` [B, 3, H, W]: probabilities [B, C]."""

    def loss(self, logits: Tensor, answers: Tensor) -> Tensor:
        """Returns how far logits [B, C] are from what they say, a scalar."""


def make_network(
    task: Task, backbone: str, classes: int, *, dropout: float = 0.0, has_context: bool = False
) -> Network:
    """Makes a network with weights drawn by chance.

    Args:
        task: What it is to answer.
        backbone: A name that `make_backbone` knows.
        classes: How many there are.
        dropout: Share of a classifier's features left out in training.
        has_context: Whether the whole image has its say in what a detector finds.

    Raises:
        InputError: There is no such backbone.
    """
    if task == "classify":
        return ClassificationNetwork(make_backbone(backbone, has_top=True), classes, dropout)
    return DetectionNetwork(
        make_backbone(backbone, has_top=has_context), classes, has_context=has_context
    )


def has_context(network: Network) -> bool:
    """Whether the whole image has its say in what the network finds."""
    return isinstance(network, DetectionNetwork) and network.context is not None


def make_objective(
    config: TrainConfig,
    class_weights: NDArray[np.float32] | None,
    teachers: Teaching | None = None,
) -> Objective:
    """Returns what a run's network is to learn.

    Args:
        config: The run's.
        class_weights: float32 [C], what classes weigh in the loss; None is all the same.
        teachers: Of classifiers: from whom they learn besides the data.
    """
    weights = None if class_weights is None else torch.from_numpy(class_weights)
    if config.task == "classify":
        settings = config.training
        return ClassificationObjective(settings.label_smoothing, settings.mixup, weights, teachers)
    return DetectionObjective(config.input.height_px, config.input.width_px, weights)


class DetectionObjective:
    """Detection: where objects are, and which.

    Args:
        height_px: Of the model's input.
        width_px: Likewise.
        class_weights: float32 [C], what places that answer for a class weigh; None is 1.
    """

    def __init__(self, height_px: int, width_px: int, class_weights: Tensor | None) -> None:
        self._centres, self._strides = places(height_px, width_px)
        self._class_weights = class_weights

    def __call__(
        self, network: nn.Module, batch: Batch, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        """See `Objective`."""
        losses = detection_losses(
            _answers(network, normalised(batch.images)),
            self._centres,
            self._strides,
            batch.boxes,
            batch.labels,
            class_weights=self._class_weights,
        )
        return {name: loss for name, loss in losses._asdict().items() if loss is not None}


class ClassificationObjective:
    """Classification: what each image as a whole is.

    Cross-entropy with smoothed labels (Szegedy et al., CVPR 2016, section 7). With mixup, images
    are laid over each other in pairs, and the answer is to be as much of each class (Zhang et al.,
    ICLR 2018, section 2).

    Args:
        label_smoothing: Share of every answer that is spread over all classes.
        mixup: Parameter of the beta distribution of how much of each image is seen; 0 mixes none.
        class_weights: float32 [C], what images of a class weigh; None is 1.
        teachers: From whom to learn besides the data.
    """

    def __init__(
        self,
        label_smoothing: float,
        mixup: float,
        class_weights: Tensor | None = None,
        teachers: Teaching | None = None,
    ) -> None:
        self._label_smoothing = label_smoothing
        self._mixup = mixup
        self._class_weights = class_weights
        self._teachers = teachers

    def __call__(
        self, network: nn.Module, batch: Batch, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        """See `Objective`."""
        images, share, other = normalised(batch.images), 1.0, None
        if self._mixup:
            share = float(rng.beta(self._mixup, self._mixup))
            other = torch.from_numpy(rng.permutation(len(images)))
            images = images.lerp(images[other], 1 - share)
        logits = _logits(network, images)
        by_data = self._loss(logits, batch.classes)
        if other is not None:
            theirs = self._loss(logits, batch.classes[other])
            by_data = share * by_data + (1 - share) * theirs
        if self._teachers is None:
            return {"classes": by_data}
        part = self._teachers.share
        by_teachers = self._teachers.loss(logits, self._teachers.answers(images))
        return {"classes": (1 - part) * by_data, "teachers": part * by_teachers}

    def _loss(self, logits: Tensor, classes: Tensor) -> Tensor:
        each = functional.cross_entropy(
            logits, classes, label_smoothing=self._label_smoothing, reduction="none"
        )
        return (each if self._class_weights is None else each * self._class_weights[classes]).mean()


def _logits(network: nn.Module, images: Tensor) -> Tensor:
    logits: Tensor = _answers(network, images).logits.float()
    return logits


def _answers(network: nn.Module, images: Tensor) -> Any:
    """Lets the network look at images, float32 [B, 3, H, W], as fast as the processor can."""
    with torch.autocast("cpu", torch.bfloat16, enabled=_HAS_BFLOAT16):
        return network(images.contiguous(memory_format=torch.channels_last))
