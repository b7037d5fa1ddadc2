from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from training.data.batches import Batch
from training.model.classifier import RawAnswer
from training.model.detector import normalised
from training.objective import ClassificationObjective, make_network
from training.teachers import Teachers


class Colours(nn.Module):
    """Answers from the mean colour, so that what is learned takes no time."""

    def __init__(self) -> None:
        super().__init__()
        self.logit = nn.Linear(3, 2)
        self.seen: list[Tensor] = []

    def forward(self, image: Tensor) -> RawAnswer:
        self.seen.append(image)
        mean = image.float().mean((2, 3))
        return RawAnswer(self.logit(mean), mean)


def batch(images: int = 8) -> Batch:
    """Dark and bright pictures, by turns of the classes 0 and 1."""
    classes = torch.arange(images) % 2
    pictures = (classes * 200).to(torch.uint8)[:, None, None, None].expand(images, 4, 4, 3)
    nothing = torch.zeros(images, 0, 4), torch.zeros(images, 0, dtype=torch.int64)
    return Batch(pictures.contiguous(), *nothing, classes)


def rng(step: int = 0) -> np.random.Generator:
    return np.random.default_rng([1, step])


@pytest.mark.parametrize("mixup", [0.0, 0.4])
def test_a_few_steps_tell_two_classes_apart(mixup: float) -> None:
    torch.manual_seed(0)
    network = Colours()
    objective = ClassificationObjective(label_smoothing=0.1, mixup=mixup)
    optimiser = torch.optim.Adam(network.parameters(), 0.1)
    plain = ClassificationObjective(0.0, 0.0)
    before = plain(network, batch(), rng())["classes"].item()
    for step in range(40):
        optimiser.zero_grad()
        objective(network, batch(), rng(step))["classes"].backward()
        optimiser.step()
    assert plain(network, batch(), rng())["classes"].item() < 0.5 * before
    assert network(normalised(batch().images)).logits.argmax(1).equal(batch().classes)


def test_what_teachers_say_is_learned_where_the_data_says_nothing() -> None:
    """They know bright from dark, and that in between lies something of both; the data does not."""
    torch.manual_seed(0)
    network, teacher = Colours(), Colours()
    with torch.no_grad():
        teacher.logit.weight.copy_(torch.tensor([[-1.0] * 3, [1.0] * 3]))
        teacher.logit.bias.copy_(torch.tensor([-0.2, 0.2]))
    teachers = Teachers([teacher], share=1.0, temperature=2.0)
    optimiser = torch.optim.Adam(network.parameters(), 0.1)
    wrong = replace(batch(), classes=1 - batch().classes)
    for step in range(300):
        optimiser.zero_grad()
        losses = ClassificationObjective(0.0, 0.2, teachers=teachers)(network, wrong, rng(step))
        assert losses["classes"].item() == 0
        losses["teachers"].backward()
        optimiser.step()
    images = normalised(batch().images)
    torch.testing.assert_close(
        network(images).logits.softmax(1), teacher(images).logits.softmax(1), atol=0.02, rtol=0
    )


def test_of_several_teachers_the_mean_counts_and_agreeing_costs_nothing() -> None:
    teachers = Teachers([Colours(), Colours()], share=0.5, temperature=3.0)
    images = normalised(batch().images)
    told = teachers.answers(images)
    torch.testing.assert_close(told.sum(1), torch.ones(len(images)))
    assert teachers.loss(3 * told.log(), told).item() == pytest.approx(0, abs=1e-6)
    assert teachers.loss(-3 * told.log(), told).item() > 0


def test_mixing_is_the_steps_and_asks_for_as_much_as_is_seen() -> None:
    network = Colours()
    objective = ClassificationObjective(0.0, 1.0)
    one, again, other = (
        objective(network, batch(), rng(step))["classes"].item() for step in (3, 3, 4)
    )
    assert one == again != other
    # Of a picture that is between dark and bright, the share of bright is what is to be answered.
    mixed = network.seen[0].mean((1, 2, 3))
    low, high = (float(batch().images[k].float().mean() - 127) / 128 for k in (0, 1))
    shares = (mixed - low) / (high - low)
    probabilities = network.logit(network.seen[0].mean((2, 3))).log_softmax(1)
    wanted = torch.stack((1 - shares, shares), dim=1)
    assert one == pytest.approx(-(wanted * probabilities).sum(1).mean().item(), rel=1e-4)


def test_a_class_of_more_weight_costs_more() -> None:
    network = Colours()

    def loss(*weights: float) -> float:
        given = ClassificationObjective(0.0, 0.0, torch.tensor(weights))
        return float(given(network, batch(), rng())["classes"].item())

    plain = ClassificationObjective(0.0, 0.0)(network, batch(), rng())["classes"].item()
    assert loss(1, 1) == pytest.approx(plain)
    assert loss(3, 1) + loss(1, 3) == pytest.approx(4 * plain)


def test_the_task_decides_the_network() -> None:
    classifier = make_network("classify", "efficientnet_lite0", 5, dropout=0.3)
    image = torch.zeros(1, 3, 64, 64)
    with torch.no_grad():
        assert classifier.eval()(image).logits.shape == (1, 5)
        assert make_network("detect", "resnet18", 5).eval()(image).logits.shape == (1, 84, 5)
