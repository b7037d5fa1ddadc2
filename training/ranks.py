"""Several processes that learn together, as `torchrun` starts them; each sees its share of a batch.

Their gradients are averaged after each step, so all hold the same weights. Statistics of
normalisation are each process's own: those of the first are the result.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import torch
from torch import distributed, nn

_PATIENCE: Final = timedelta(days=1)
"""The first process prepares data while the others wait; `torchrun` ends them if one dies."""


@dataclass(frozen=True)
class Ranks:
    """One of the processes that learn together.

    Attributes:
        rank: Which it is, from 0.
        world: How many they are.
    """

    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """Whether it is the one that prepares data and writes files."""
        return self.rank == 0

    def any(self, is_so: bool) -> bool:
        """Returns whether it is so in any process; all must ask."""
        if self.world == 1:
            return is_so
        told = torch.tensor([float(is_so)])
        distributed.all_reduce(told, distributed.ReduceOp.MAX)
        return bool(told.item())

    def average_gradients(self, network: nn.Module) -> None:
        """Replaces the gradients by their mean over all processes."""
        if self.world == 1:
            return
        gradients = [value.grad for value in network.parameters() if value.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.world
        means = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient))


ALONE: Final = Ranks()


@contextmanager
def together() -> Iterator[Ranks]:
    """Joins the processes that `torchrun` started; alone without it."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield ALONE
        return
    distributed.init_process_group("gloo", timeout=_PATIENCE)
    try:
        yield Ranks(distributed.get_rank(), world)
    finally:
        distributed.destroy_process_group()
