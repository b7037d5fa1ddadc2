import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from whole_images import samples_of, whole_image

from beltmark.contract.documents import parse
from training import engine
from training.checkpoints import CHECKPOINT, RunState, load_checkpoint
from training.config import TrainConfig, TrainingSettings, Transform
from training.data.batches import TrainingSamples
from training.engine import learning_rate

CONFIG = parse(
    {
        "name": "tiny",
        "task": "classify",
        "data": {"annotations": "photographs", "test_share": 0.2},
        "input": {"width_px": 64, "height_px": 64},
        "training": {
            "steps": 5,
            "batch_size": 4,
            "warmup_steps": 1,
            "frozen_stages": 6,
            "workers": 0,
            "threads": 1,
            "dropout": 0.5,
            "label_smoothing": 0.1,
            "mixup": 0.5,
        },
    },
    TrainConfig,
    "config.toml",
)


def test_the_rate_rises_then_falls_to_almost_nothing() -> None:
    settings = TrainingSettings(steps=100, warmup_steps=10)
    rates = [learning_rate(step, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.01, abs=2e-3)


def test_a_run_shorter_than_its_warm_up_still_has_a_rate() -> None:
    settings = TrainingSettings(steps=5, warmup_steps=10)
    assert all(0 < learning_rate(step, settings) <= 1 for step in range(5))


def photographs() -> TrainingSamples:
    rng = np.random.default_rng(0)
    store = [
        whole_image(rng.integers(0, 256, (64, 64, 3)).astype(np.uint8), index % 2)
        for index in range(6)
    ]
    return samples_of(store, Transform(name="HorizontalFlip"))


def learned(
    folder: Path, on_step: Callable[[int], None] = lambda step: None, workers: int = 0
) -> RunState:
    """The state after all steps, or after those of before a stop."""
    training = CONFIG.training.model_copy(update={"workers": workers})
    config = CONFIG.model_copy(update={"training": training})
    state = engine.start(CONFIG, 2)
    if (folder / CHECKPOINT).exists():
        load_checkpoint(state, folder / CHECKPOINT, "same")
    engine.train(
        state, photographs(), config, "same", folder, on_step=lambda step, values: on_step(step)
    )
    return state


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_whose_loaders_are_ended_with_it_is_stopped_and_nothing_half_done_is_saved(
    tmp_path: Path, number: signal.Signals
) -> None:
    def stop_all_after_two(step: int) -> None:
        if step == 2:
            signal.raise_signal(number)
            for child in psutil.Process().children():
                child.kill()

    with pytest.raises(engine.Interrupted):
        learned(tmp_path / "stopped", stop_all_after_two, workers=1)
    again, whole = learned(tmp_path / "stopped"), learned(tmp_path / "whole")
    for name, value in whole.network.state_dict().items():
        assert again.network.state_dict()[name].equal(value), name


def test_a_classifier_that_was_stopped_ends_in_the_same_weights(tmp_path: Path) -> None:
    """What mixup and dropout draw depends on the step alone."""

    def stop_after_two_and_all(step: int) -> None:
        if step in (2, 5):
            signal.raise_signal(signal.SIGINT)

    for _ in range(2):
        with pytest.raises(engine.Interrupted):
            learned(tmp_path / "stopped", stop_after_two_and_all)
    torch.manual_seed(12345)  # as another process would find it
    again, whole = learned(tmp_path / "stopped"), learned(tmp_path / "whole")
    assert again.step == whole.step == 5
    for ours, theirs in ((again.network, whole.network), (again.average, whole.average)):
        for name, value in theirs.state_dict().items():
            assert ours.state_dict()[name].equal(value), name
    start = engine.start(CONFIG, 2).network.state_dict()["logit.weight"]
    assert not whole.network.state_dict()["logit.weight"].equal(start)
