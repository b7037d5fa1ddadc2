"""What is averaged, and when it is not."""

from typing import cast

import pytest
import torch
from torch import Tensor, nn

from training.objective import Network
from training.soup import averaged, cook, measure_normalisation


class Small(nn.Module):
    """Tells by how much it misses, from its only weight."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, image: Tensor) -> Tensor:
        return self.norm(image) * self.weight


def networks(*weights: float) -> list[Network]:
    return [cast(Network, Small(weight)) for weight in weights]


def loss_of(network: Network) -> float:
    return abs(cast(Small, network).weight.item() - 1.0)


def images() -> list[Tensor]:
    return [torch.full((2, 1, 2, 2), 3.0), torch.tensor([3.0, 7.0]).reshape(2, 1, 1, 1)]


def test_what_does_no_harm_is_averaged() -> None:
    soup = cook(networks(0.8, 1.3, 5.0), loss_of, images)
    assert soup.taken == (0, 1)
    assert soup.loss == pytest.approx(0.05)
    assert soup.losses == pytest.approx((0.2, 0.3, 4.0))
    assert soup.uniform_loss == pytest.approx(7.1 / 3 - 1)
    assert not soup.network.training


def test_the_best_alone_is_taken_where_every_mean_is_worse() -> None:
    soup = cook(networks(2.0, 1.1, 3.0), loss_of, images)
    assert soup.taken == (1,)
    assert soup.loss == pytest.approx(0.1)


def test_all_are_taken_where_only_all_together_are_best() -> None:
    soup = cook(networks(0.6, 0.5, 1.9), loss_of, images)
    assert sorted(soup.taken) == [0, 1, 2]
    assert soup.loss == pytest.approx(0.0, abs=1e-6)


def test_normalisation_is_measured_anew() -> None:
    network, other = networks(1.0, 1.0)
    measure_normalisation(network, images(), like=other)
    assert cast(Small, network).norm.running_mean.item() == 0  # type: ignore[union-attr]
    with torch.no_grad():
        cast(Small, network).norm.running_mean.fill_(100)  # type: ignore[union-attr]
    measure_normalisation(network, images(), like=other)
    norm = cast(Small, network).norm
    assert norm.running_mean is not None
    assert norm.running_mean.item() == pytest.approx((3 + 5) / 2)
    assert norm.momentum == 0.1
    assert not norm.training


def test_a_mean_leaves_its_parts_as_they_are() -> None:
    parts = networks(1.0, 2.0)
    assert cast(Small, averaged(parts)).weight.item() == 1.5
    assert [cast(Small, each).weight.item() for each in parts] == [1.0, 2.0]
