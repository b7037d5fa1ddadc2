"""The training loop: steps, schedule, running average, checkpoints.

What is learned is the objective's, from what the caller's. A run can stop after any step and go on
later as if it had not: its checkpoint holds all that the next step depends on, samples depend on
their number alone, and all else that is drawn on the step's.
"""

import logging
import math
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import nn

from beltmark.contract.documents import sync
from beltmark.contract.errors import InputError
from training.config import TrainConfig, TrainingSettings
from training.data.batches import Batch, TrainingSamples, batches
from training.early_stopping import EarlyStopping
from training.growing import shown_at
from training.objective import Network, Objective, make_network, make_objective
from training.progress import bar

log = logging.getLogger(__name__)

CHECKPOINT = "last.pt"
LOG_EVERY_STEPS = 50
LOSS = "loss_"
"""How the names of losses begin among what a step tells."""


OnStep = Callable[[int, Mapping[str, float]], None]

BACKBONE = "backbone."
"""How the names of a network's parameters begin that come with weights of ImageNet."""

_STEP = 2
"""Tells the chance of a step from that of samples and of their order (`data`)."""


class Interrupted(Exception):  # noqa: N818 - it is the user's wish, not an error
    """The user stopped the run; its checkpoint is written."""


@dataclass
class RunState:
    """All that changes while a run goes on.

    Attributes:
        network: What learns.
        average: Running average of its weights, which is the result.
        optimiser: With its moments.
        step: Steps done.
        backbone: Its name, for whoever reads the checkpoint without the configuration.
        stopping: Ends it early, where that is wanted.
    """

    network: Network
    average: Network
    optimiser: torch.optim.Optimizer
    step: int
    backbone: str
    stopping: EarlyStopping | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it was ended early."""
        return self.stopping is not None and self.stopping.is_over


def start(config: TrainConfig, classes: int) -> RunState:
    """Returns a fresh run: ImageNet weights in the backbone, the rest drawn from the seed."""
    settings = config.training
    torch.manual_seed(settings.seed)
    network, average = (
        make_network(config.task, settings.backbone, classes, dropout=settings.dropout)
        for _ in range(2)
    )
    network.backbone.load_imagenet()
    network.backbone.freeze(settings.frozen_stages)
    average.load_state_dict(network.state_dict())
    average.eval()
    network.to(memory_format=torch.channels_last)
    return RunState(network, average, _optimiser(network, settings), 0, settings.backbone)


def train(
    state: RunState,
    samples: TrainingSamples,
    config: TrainConfig,
    fingerprint: str,
    folder: Path,
    *,
    on_step: OnStep = lambda step, values: None,
) -> Network:
    """Runs the remaining steps and returns the averaged network, ready for use.

    Args:
        state: From `start`, or from `load_checkpoint`.
        samples: What to learn from.
        config: The run's configuration.
        fingerprint: Of configuration and data; a checkpoint is only good for the same.
        folder: Where the checkpoint goes.
        on_step: Told after each step: how many are done, and its losses and rate by name.

    Raises:
        Interrupted: SIGINT or SIGTERM came; the checkpoint holds the last whole step, or an earlier
            one where the processes that prepare images were ended, too.
    """
    settings = config.training
    torch.set_num_threads(settings.threads)
    objective = make_objective(config, samples.class_weights)
    loader = batches(
        samples,
        first_step=state.step,
        steps=settings.steps,
        batch_size=settings.batch_size,
        workers=settings.workers,
    )
    saved_at = time.monotonic()
    state.network.train()
    with _stop_signals() as stop, _unless_stopped(stop), bar() as progress:
        task = progress.add_task("training", total=settings.steps, completed=state.step, told="")
        for batch in () if state.has_ended else loader:
            values = _step(state, batch, settings, objective)
            state.step += 1
            if state.stopping is not None and state.stopping.is_due(state.step):
                values[f"{LOSS}validation"] = state.stopping.check(state.average)
            on_step(state.step, values)
            told = _told(values)
            progress.update(task, completed=state.step, told=told)
            if progress.disable and state.step % LOG_EVERY_STEPS == 0:
                log.info("step %d of %d: %s", state.step, settings.steps, told)
            if stop or time.monotonic() - saved_at > settings.save_every_s:
                save_checkpoint(state, folder / CHECKPOINT, fingerprint)
                saved_at = time.monotonic()
            if state.has_ended:
                log.info("no better on validation for long: ended at step %d", state.step)
                break
            if stop and state.step < settings.steps:
                raise Interrupted
    save_checkpoint(state, folder / CHECKPOINT, fingerprint)
    return state.average if state.stopping is None else state.stopping.best(state.average)


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Returns the share of the peak rate at a step: a linear rise, then a cosine down to 1 %."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    left = max(settings.steps - settings.warmup_steps, 1)
    done = (step - settings.warmup_steps) / left
    return 0.01 + 0.99 * (1 + math.cos(math.pi * min(done, 1.0))) / 2


def save_checkpoint(state: RunState, path: Path, fingerprint: str) -> None:
    """Writes the run's state, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.save(
        {
            "fingerprint": fingerprint,
            "step": state.step,
            "backbone": state.backbone,
            "network": state.network.state_dict(),
            "average": state.average.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "stopping": None if state.stopping is None else state.stopping.state(),
        },
        temporary,
    )
    sync(temporary)
    os.replace(temporary, path)
    sync(path.parent)


def load_checkpoint(state: RunState, path: Path, fingerprint: str) -> None:
    """Brings a fresh state to where the checkpoint was written.

    Raises:
        InputError: It is missing, damaged, or of another configuration or data.
    """
    if not path.is_file():
        raise InputError("no checkpoint to resume from", "start without --resume", file=path)
    try:
        saved: dict[str, Any] = torch.load(path, weights_only=True)
        found = saved["fingerprint"]
    except Exception as error:  # torch's reader raises many kinds for damaged files
        raise InputError(
            f"not a readable checkpoint: {' '.join(str(error).split())[:120]}",
            "start without --resume",
            file=path,
        ) from None
    if found != fingerprint:
        raise InputError(
            "was written with another configuration or other data",
            "resume with the same, or start without --resume",
            file=path,
        )
    state.network.load_state_dict(saved["network"])
    state.average.load_state_dict(saved["average"])
    state.optimiser.load_state_dict(saved["optimiser"])
    state.step = int(saved["step"])
    if state.stopping is not None:
        state.stopping.load(saved["stopping"])


def _step(
    state: RunState, batch: Batch, settings: TrainingSettings, objective: Objective
) -> dict[str, float]:
    """Learns from one batch; returns its losses and the learning rate by name."""
    rate = learning_rate(state.step, settings)
    for group in state.optimiser.param_groups:
        group["lr"] = rate * group["peak"]
    # All chance of a step follows from its number: what torch draws by itself (dropout) too.
    rng = np.random.default_rng([settings.seed, _STEP, state.step])
    torch.manual_seed(int(rng.integers(2**63)))
    shown = shown_at(batch, state.step / settings.steps, settings.first_size)
    losses = objective(state.network, shown, rng)
    state.optimiser.zero_grad()
    torch.autograd.backward(torch.stack(list(losses.values())).sum())
    nn.utils.clip_grad_norm_(state.network.parameters(), settings.gradient_limit)
    state.optimiser.step()
    _follow(state, settings.average_decay)
    values = {f"{LOSS}{name}": loss.item() for name, loss in losses.items()}
    return values | {"learning_rate": rate * settings.learning_rate}


def _told(values: Mapping[str, float]) -> str:
    """Says what a step cost, in a few words."""
    losses = {name: value for name, value in values.items() if name.startswith(LOSS)}
    return ", ".join(f"{name.removeprefix(LOSS)} {value:.3f}" for name, value in losses.items())


@torch.no_grad()
def _follow(state: RunState, decay: float) -> None:
    """Moves the running average towards the network; quickly at first."""
    share = 1 - min(decay, (1 + state.step) / (10 + state.step))
    current = state.network.state_dict()
    for name, value in state.average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(current[name].to(value.dtype), share)
        else:
            value.copy_(current[name])


def _optimiser(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """AdamW; no decay on biases and normalisation, a smaller rate for the backbone."""
    named = [(name, value) for name, value in network.named_parameters() if value.requires_grad]
    groups = []
    for is_backbone, share in ((True, settings.backbone_rate), (False, 1.0)):
        learning = [value for name, value in named if name.startswith(BACKBONE) == is_backbone]
        for decay, values in (
            (settings.weight_decay, [value for value in learning if value.ndim > 1]),
            (0.0, [value for value in learning if value.ndim <= 1]),
        ):
            peak = settings.learning_rate * share
            groups.append({"params": values, "weight_decay": decay, "lr": peak, "peak": peak})
    return torch.optim.AdamW([group for group in groups if group["params"]])


@contextmanager
def _unless_stopped(stop: Sequence[int]) -> Iterator[None]:
    """Takes it for a stop when loaders die of the signal that is to stop the run.

    Torch then raises its error wherever the run is, so that a step may be half done: nothing is
    saved.
    """
    try:
        yield
    except RuntimeError:
        if not stop:
            raise
        raise Interrupted from None


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Gathers SIGINT and SIGTERM instead of dying of them in the middle of a step."""
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
