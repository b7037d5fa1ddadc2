import torch

from training.model.detector import DetectionNetwork, normalised, places
from training.model.losses import detection_losses


def test_a_few_steps_on_one_image_lower_both_losses() -> None:
    torch.manual_seed(0)
    network = DetectionNetwork(2)
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
    network = DetectionNetwork(2).eval()
    centres, strides = places(64, 64)
    raw = network(torch.zeros(1, 3, 64, 64))
    nothing = torch.zeros(1, 0, 4), torch.zeros(1, 0, dtype=torch.int64)
    losses = detection_losses(raw, centres, strides, *nothing)
    assert torch.isfinite(losses.classes)
    assert losses.boxes.item() == 0
