"""The training loop: steps, schedule, running average, checkpoints.

What is learned is the objective's, from what the caller's. A run can stop after any step and go on
later as if it had not: its checkpoint holds all that the next step depends on, samples depend on
their number alone, and all else that is drawn on the step's.
"""

import logging
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import torch
from torch import nn

from training.checkpoints import CHECKPOINT, RunState, save_checkpoint
from training.config import TrainConfig, TrainingSettings
from training.data.batches import Batch, TrainingSamples, batches
from training.growing import shown_at
from training.objective import Network, Objective, Teaching, make_network, make_objective
from training.progress import bar
from training.ranks import ALONE, Ranks

log = logging.getLogger(__name__)

LOG_EVERY_STEPS = 50
LOSS = "loss_"
"""How the names of losses begin among what a step tells."""


OnStep = Callable[[int, Mapping[str, float]], None]

BACKBONE = "backbone."
"""How the names of a network's parameters begin that come with weights of ImageNet."""

_SIGNAL_WAIT_S = 1.0
"""So long after its loaders' a process may get a signal that is for all of them."""

_STEP = 2
"""Tells the chance of a step from that of samples and of their order (`data`)."""


class Interrupted(Exception):  # noqa: N818 - it is the user's wish, not an error
    """The user stopped the run; its checkpoint is written."""


def start(config: TrainConfig, classes: int) -> RunState:
    """Returns a fresh run: ImageNet weights in the backbone, the rest drawn from the seed."""
    settings = config.training
    torch.manual_seed(settings.seed)
    network, average = (
        make_network(
            config.task,
            settings.backbone,
            classes,
            dropout=settings.dropout,
            has_context=settings.context,
        )
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
    ranks: Ranks = ALONE,
    teachers: Teaching | None = None,
) -> Network:
    """Runs the remaining steps and returns the averaged network, ready for use.

    Args:
        state: From `start`, or from `load_checkpoint`.
        samples: What to learn from.
        config: The run's configuration.
        fingerprint: Of configuration and data; a checkpoint is only good for the same.
        folder: Where the checkpoint goes.
        on_step: Told after each step: how many are done, and its losses and rate by name.
        ranks: The processes that learn together; the first alone writes checkpoints.
        teachers: From whom a classifier learns besides the data.

    Raises:
        Interrupted: SIGINT or SIGTERM came; the checkpoint holds the last whole step, or an earlier
            one where the processes that prepare images were ended, too.
    """
    settings = config.training
    torch.set_num_threads(max(settings.threads // ranks.world, 1))
    objective = make_objective(config, samples.class_weights, teachers)
    loader = batches(
        samples,
        first_step=state.step,
        steps=settings.steps,
        batch_size=settings.batch_size,
        workers=settings.workers,
        ranks=ranks,
    )
    saved_at = time.monotonic()
    state.network.train()
    with _stop_signals() as stop, _unless_stopped(stop), bar() as progress:
        task = progress.add_task("training", total=settings.steps, completed=state.step, told="")
        for batch in () if ranks.any(state.has_ended) else loader:
            values = _step(state, batch, settings, objective, ranks)
            state.step += 1
            if state.stopping is not None and state.stopping.is_due(state.step):
                values[f"{LOSS}validation"] = state.stopping.check(state.average)
            on_step(state.step, values)
            told = _told(values)
            progress.update(task, completed=state.step, told=told)
            if progress.disable and state.step % LOG_EVERY_STEPS == 0:
                log.info("step %d of %d: %s", state.step, settings.steps, told)
            is_stopped, has_ended = ranks.any(bool(stop)), ranks.any(state.has_ended)
            is_last = has_ended or state.step == settings.steps
            is_due = is_stopped or is_last or time.monotonic() - saved_at > settings.save_every_s
            if is_due and ranks.leads:
                save_checkpoint(state, folder / CHECKPOINT, fingerprint)
                saved_at = time.monotonic()
            if is_stopped:
                raise Interrupted
            if has_ended:
                log.info("no better on validation for long: ended at step %d", state.step)
                break
    return state.average if state.stopping is None else state.stopping.best(state.average)


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Returns the share of the peak rate at a step: a linear rise, then a cosine down to 1 %."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    left = max(settings.steps - settings.warmup_steps, 1)
    done = (step - settings.warmup_steps) / left
    return 0.01 + 0.99 * (1 + math.cos(math.pi * min(done, 1.0))) / 2


def _step(
    state: RunState,
    batch: Batch,
    settings: TrainingSettings,
    objective: Objective,
    ranks: Ranks,
) -> dict[str, float]:
    """Learns from one batch; returns its losses and the learning rate by name."""
    rate = learning_rate(state.step, settings)
    for group in state.optimiser.param_groups:
        group["lr"] = rate * group["peak"]
    # All chance of a step follows from its number: what torch draws by itself (dropout) too.
    rng = np.random.default_rng([settings.seed, _STEP, state.step])
    torch.manual_seed(int(rng.integers(2**62)) + ranks.rank)
    shown = shown_at(batch, state.step / settings.steps, settings.first_size)
    losses = objective(state.network, shown, rng)
    state.optimiser.zero_grad()
    torch.autograd.backward(torch.stack(list(losses.values())).sum())
    ranks.average_gradients(state.network)
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
    except (RuntimeError, OSError):
        if not stop:
            time.sleep(_SIGNAL_WAIT_S)  # theirs may have come first
        if not stop:
            raise
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # else torch tells of each one that ends
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
