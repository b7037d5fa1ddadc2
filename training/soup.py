"""Averages the weights of several runs, where that is better than the best of them.

Wortsman et al., "Model soups", ICML 2022: fine-tuned from the same start, networks lie in one
basin, and their mean is often better than each, at the cost of one. Greedy, as in algorithm 1 of
the paper: the best run first, then each that does no harm. Means of normalisation are measured
anew, as in Izmailov et al., "Averaging Weights Leads to Wider Optima", UAI 2018, section 3.2.
"""

import copy
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.objective import Network

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Soup:
    """What was made of several networks.

    Attributes:
        network: The best, or a mean.
        taken: Which went into it, in the order in which they did.
        losses: On images to choose by, of each network.
        loss: Of the result.
        uniform_loss: Of the mean of all.
    """

    network: Network
    taken: tuple[int, ...]
    losses: tuple[float, ...]
    loss: float
    uniform_loss: float


def cook(
    networks: Sequence[Network],
    loss_of: Callable[[Network], float],
    images: Callable[[], Iterable[Tensor]],
) -> Soup:
    """Averages networks greedily.

    Args:
        networks: Of one shape and from one start.
        loss_of: What a network costs on images to choose by.
        images: Gives batches to measure normalisation on, float32 [B, 3, H, W], each time anew.
    """
    losses = [loss_of(network) for network in networks]
    order = sorted(range(len(networks)), key=lambda index: losses[index])

    def mixed(chosen: Sequence[int]) -> Network:
        mean = averaged([networks[index] for index in chosen])
        measure_normalisation(mean, images(), like=networks[0])
        return mean

    uniform = mixed(order)
    uniform_loss = loss_of(uniform)
    taken, best, least = order[:1], networks[order[0]], losses[order[0]]
    for index in order[1:]:
        tried = uniform if len(taken) + 1 == len(order) else mixed([*taken, index])
        loss = loss_of(tried)
        if loss <= least:
            taken, best, least = [*taken, index], tried, loss
    if uniform_loss < least:
        taken, best, least = order, uniform, uniform_loss
    return Soup(best.eval(), tuple(taken), tuple(losses), least, uniform_loss)


def averaged(networks: Sequence[Network]) -> Network:
    """Returns a network whose weights are the mean of those of others."""
    mean = copy.deepcopy(networks[0])
    states = [network.state_dict() for network in networks]
    mean.load_state_dict(
        {
            name: torch.stack([state[name] for state in states]).mean(0)
            if value.is_floating_point()
            else value
            for name, value in states[0].items()
        }
    )
    return mean


@torch.no_grad()
def measure_normalisation(network: Network, images: Iterable[Tensor], *, like: Network) -> None:
    """Measures the means and variances of normalisation anew, as plain means over batches.

    Args:
        network: What to measure in.
        images: Batches, float32 [B, 3, H, W].
        like: One of those that it was made of: where its means are the network's, that was frozen
            while they learned, and stays as it is.
    """
    theirs = dict(like.named_modules())
    parts = [
        part
        for name, part in network.named_modules()
        if isinstance(part, nn.BatchNorm2d) and not _is_same(part, theirs[name])
    ]
    before = [part.momentum for part in parts]
    for part in parts:
        part.reset_running_stats()
        part.momentum = None  # a mean over all
    network.eval()
    for part in parts:
        part.train()
    for batch in images:
        network(batch)
    for part, momentum in zip(parts, before, strict=True):
        part.momentum = momentum
    network.eval()


def _is_same(part: nn.BatchNorm2d, other: nn.Module) -> bool:
    assert isinstance(other, nn.BatchNorm2d)
    assert part.running_mean is not None
    assert other.running_mean is not None
    return bool(torch.equal(part.running_mean, other.running_mean))
