"""Decides which places of the network answer for which object; the loss built on it is elsewhere.

Task alignment (Feng et al., TOOD, ICCV 2021, section 3.2): a place suits an object if it both
classifies it well and frames it well, so that the places that are sure are those that frame well.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.ops import box_iou

from training.model.labels import NOT_JUDGED

SCORE_POWER = 0.5
OVERLAP_POWER = 6.0
PLACES_PER_OBJECT = 10


class Targets(NamedTuple):
    """What the places of one batch are to answer.

    Attributes:
        scores: float32 [B, N, C], how sure each place should be of each class.
        boxes: float32 [B, N, 4], xyxy in input pixels; meaningful where `positive`.
        positive: bool [B, N], the place answers for an object.
        judged: bool [B, N], the place's class answer counts.
    """

    scores: Tensor
    boxes: Tensor
    positive: Tensor
    judged: Tensor


@torch.no_grad()
def assign(
    predicted_boxes: Tensor,
    predicted_scores: Tensor,
    centres: Tensor,
    boxes: Tensor,
    labels: Tensor,
) -> Targets:
    """Assigns the objects of a batch to the places that suit them best.

    Args:
        predicted_boxes: float32 [B, N, 4], xyxy in input pixels.
        predicted_scores: float32 [B, N, C], 0..1.
        centres: float32 [N, 2], where the places stand, in input pixels.
        boxes: float32 [B, M, 4], the objects, xyxy in input pixels.
        labels: int64 [B, M], their classes, or `NOT_JUDGED` or `PADDING`.
    """
    answers = [
        _assign_image(*image, centres)
        for image in zip(predicted_boxes, predicted_scores, boxes, labels, strict=True)
    ]
    return Targets(*(torch.stack(parts) for parts in zip(*answers, strict=True)))


def _assign_image(
    predicted_boxes: Tensor,
    predicted_scores: Tensor,
    boxes: Tensor,
    labels: Tensor,
    centres: Tensor,
) -> Targets:
    inside_ignored = _inside(centres, boxes[labels == NOT_JUDGED]).any(dim=1)
    real = labels >= 0
    boxes, labels = boxes[real], labels[real]
    scores = torch.zeros_like(predicted_scores)
    if not len(boxes):
        nothing = torch.zeros(len(centres), dtype=torch.bool)
        return Targets(scores, torch.zeros_like(predicted_boxes), nothing, ~inside_ignored)
    overlap = box_iou(predicted_boxes, boxes)  # [N, M]
    suits = predicted_scores[:, labels].pow(SCORE_POWER) * overlap.pow(OVERLAP_POWER)
    # A tiny preference for the middle decides while nothing overlaps yet, early in training.
    suits = suits + 1e-9 * _centredness(centres, boxes)
    suits = suits * _inside(centres, boxes)
    best = suits.topk(min(PLACES_PER_OBJECT, len(centres)), dim=0)
    chosen = torch.zeros_like(suits, dtype=torch.bool).scatter_(0, best.indices, best.values > 0)
    # A place that several objects chose answers for the one that it frames best.
    owner = torch.where(chosen, overlap, -1.0).argmax(dim=1)
    positive = chosen.any(dim=1)
    chosen &= torch.nn.functional.one_hot(owner, len(boxes)).bool()
    # The best place of an object is to be wholly sure, the others in proportion. (The paper makes
    # the best only as sure as its box is good; but here a score is to mean "this is a cup".)
    suits = suits * chosen
    scaled = suits / suits.amax(dim=0).clamp(min=1e-12)
    rows = positive.nonzero().squeeze(1)
    scores[rows, labels[owner[rows]]] = scaled[rows, owner[rows]]
    return Targets(scores, boxes[owner], positive, positive | ~inside_ignored)


def _inside(centres: Tensor, boxes: Tensor) -> Tensor:
    """Tells for [N, 2] centres and [M, 4] boxes which lies in which: bool [N, M]."""
    after = centres[:, None] > boxes[None, :, :2]
    before = centres[:, None] < boxes[None, :, 2:]
    return (after & before).all(dim=2)


def _centredness(centres: Tensor, boxes: Tensor) -> Tensor:
    """1 in the middle of a box, falling with the distance relative to its size: [N, M]."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    size = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1)
    away = ((centres[:, None] - middle[None]) / size[None]).abs().amax(dim=2)
    return 1 / (1 + away)
