"""How far the network's answers are from the truth: one loss for classes, one for boxes."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import complete_box_iou_loss

from training.model.assignment import assign
from training.model.detector import RawCandidates, to_boxes

BOX_WEIGHT = 4.0


class Losses(NamedTuple):
    """Scalars to be summed.

    Attributes:
        classes: Binary cross-entropy against how good the assigned boxes are.
        boxes: Complete IoU (Zheng et al., AAAI 2020), weighted likewise.
        shown: Of context: binary cross-entropy against which classes the image shows; None without.
    """

    classes: Tensor
    boxes: Tensor
    shown: Tensor | None


def detection_losses(
    raw: RawCandidates,
    centres: Tensor,
    strides: Tensor,
    boxes: Tensor,
    labels: Tensor,
    *,
    class_weights: Tensor | None = None,
) -> Losses:
    """Compares the network's answers for a batch with its objects.

    Args:
        raw: Answers for B images.
        centres: float32 [N, 2], from `places`.
        strides: float32 [N, 1], from `places`.
        boxes: float32 [B, M, 4], objects in input pixels, filled up to the same M.
        labels: int64 [B, M], classes, `NOT_JUDGED` or `PADDING`.
        class_weights: float32 [C], what places that answer for a class weigh; None is 1.
    """
    logits = raw.logits.float()
    predicted = to_boxes(raw.distances.float(), centres, strides)
    targets = assign(predicted.detach(), logits.detach().sigmoid(), centres, boxes, labels)
    total = targets.scores.sum().clamp(min=1)
    each = functional.binary_cross_entropy_with_logits(logits, targets.scores, reduction="none")
    counts = targets.judged.to(each.dtype)
    if class_weights is not None:
        weighed = class_weights[targets.scores.argmax(dim=2)]
        counts = counts * weighed.where(targets.positive, weighed.new_ones(()))
    classes = (each * counts[..., None]).sum() / total
    weight = targets.scores.sum(dim=2)[targets.positive]
    apart = complete_box_iou_loss(predicted[targets.positive], targets.boxes[targets.positive])
    shown = None if raw.shown is None else _shown_loss(raw.shown.float(), labels)
    return Losses(classes, BOX_WEIGHT * (apart * weight).sum() / total, shown)


def _shown_loss(shown: Tensor, labels: Tensor) -> Tensor:
    """Compares logits [B, C] with the classes in labels [B, M]: summed over classes, a scalar."""
    there = torch.zeros(len(shown), shown.shape[1] + 1)  # the last stands for all that is no class
    there.scatter_(1, labels.where(labels >= 0, shown.shape[1]), 1.0)
    each = functional.binary_cross_entropy_with_logits(shown, there[:, :-1], reduction="none")
    return each.sum(dim=1).mean()
