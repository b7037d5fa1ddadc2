import math

import pytest
import torch

from training.model.backbones import DEFAULT, make_backbone
from training.model.detector import DetectionNetwork, RawCandidates, normalised, places
from training.model.labels import NOT_JUDGED, PADDING
from training.model.losses import detection_losses


def test_a_few_steps_on_one_image_lower_both_losses() -> None:
    torch.manual_seed(0)
    network = DetectionNetwork(make_backbone(DEFAULT), 2)
    network.backbone.load_imagenet()
    network.backbone.freeze(3)
    network.train()
    image = torch.randint(0, 256, (2, 64, 96, 3), dtype=torch.uint8)
    boxes = torch.tensor([[[8.0, 8, 40, 40]], [[50, 20, 90, 60]]])
    labels = torch.tensor([[0], [1]])
    centres, strides = places(64, 96)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    history = []
    for _ in range(12):
        losses = detection_losses(network(normalised(image)), centres, strides, boxes, labels)
        history.append((losses.classes.item(), losses.boxes.item()))
        optimiser.zero_grad()
        (losses.classes + losses.boxes).backward()
        optimiser.step()
    assert history[-1][0] < 0.7 * history[0][0]
    assert history[-1][1] < 0.7 * history[0][1]


def test_nothing_to_find_gives_finite_losses() -> None:
    network = DetectionNetwork(make_backbone(DEFAULT), 2).eval()
    centres, strides = places(64, 64)
    raw = network(torch.zeros(1, 3, 64, 64))
    nothing = torch.zeros(1, 0, 4), torch.zeros(1, 0, dtype=torch.int64)
    losses = detection_losses(raw, centres, strides, *nothing)
    assert torch.isfinite(losses.classes)
    assert losses.boxes.item() == 0


def test_context_is_told_what_the_image_shows_and_not_what_fills_up() -> None:
    centres, strides = places(64, 64)
    boxes = torch.tensor([[[8.0, 8, 40, 40]] * 4])
    labels = torch.tensor([[1, 1, NOT_JUDGED, PADDING]])

    def loss(*shown: float) -> float:
        raw = RawCandidates(
            torch.zeros(1, len(centres), 4),
            torch.full((1, len(centres), 3), -3.0),
            torch.zeros(1, 1),
            torch.tensor([shown]),
        )
        told = detection_losses(raw, centres, strides, boxes, labels).shown
        assert told is not None
        return told.item()

    assert loss(0, 0, 0) == pytest.approx(3 * math.log(2))
    assert loss(-9, 9, -9) < 0.01
    assert loss(-9, 9, 9) == pytest.approx(9, abs=0.01)
    assert loss(-9, -9, -9) == pytest.approx(9, abs=0.01)


def test_a_class_of_more_weight_counts_where_it_is_and_nowhere_else() -> None:
    centres, strides = places(64, 64)
    raw = RawCandidates(
        torch.zeros(1, len(centres), 4), torch.full((1, len(centres), 2), -3.0), torch.zeros(1, 1)
    )
    boxes, labels = torch.tensor([[[8.0, 8, 40, 40]]]), torch.tensor([[1]])

    def loss(weights: list[float] | None) -> float:
        given = None if weights is None else torch.tensor(weights)
        return detection_losses(
            raw, centres, strides, boxes, labels, class_weights=given
        ).classes.item()

    plain = loss(None)
    assert loss([1, 1]) == loss([5, 1]) == pytest.approx(plain)
    # A linear change: only what answers for the object counts more, the background does not.
    more, much_more = loss([1, 2]) - plain, loss([1, 3]) - plain
    assert 0 < more < plain
    assert much_more == pytest.approx(2 * more, rel=1e-4)
