import signal
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from whole_images import samples_of, whole_image

from beltmark.contract.documents import parse
from beltmark.contract.errors import InputError
from training import engine
from training.checkpoints import CHECKPOINT, RunState, load_checkpoint
from training.config import TrainConfig
from training.data.batches import TrainingSamples
from training.early_stopping import EarlyStopping, aside

STEPS = 40
FEW = 12


def config(**training: object) -> TrainConfig:
    document = {
        "name": "tiny",
        "task": "classify",
        "data": {"annotations": "photographs", "test_share": 0.2},
        "input": {"width_px": 64, "height_px": 64},
        "training": {"steps": STEPS, "batch_size": 4, "warmup_steps": 1, "frozen_stages": 6,
                     "workers": 0, "threads": 1, "average_decay": 0.5, "learning_rate": 0.01,
                     "check_every": 2}
        | training,
    }  # fmt: skip
    return parse(document, TrainConfig, "config.toml")


def bright_or_dark(*, turned_about: bool = False) -> TrainingSamples:
    """Bright images are of class 1, dark ones of class 0; or the other way round."""
    rng = np.random.default_rng(0)
    store = []
    for index in range(8):
        is_bright = index % 2
        picture = rng.integers(0, 60, (64, 64, 3)).astype(np.uint8) + np.uint8(180 * is_bright)
        store.append(whole_image(picture, is_bright ^ turned_about))
    return samples_of(store)


def run(
    settings: TrainConfig, folder: Path, *, turned_about: bool, stop_after: int = 0
) -> tuple[RunState, dict[str, torch.Tensor], dict[int, float]]:
    """Returns the state, the resulting weights, and the losses on what was put aside."""
    state = engine.start(settings, 2)
    looked_at = aside(bright_or_dark(turned_about=turned_about), 8, 4)
    state.stopping = EarlyStopping(settings, looked_at)
    if (folder / CHECKPOINT).exists():
        load_checkpoint(state, folder / CHECKPOINT, "same")
    losses: dict[int, float] = {}

    def note(step: int, values: Mapping[str, float]) -> None:
        if "loss_validation" in values:
            losses[step] = values["loss_validation"]
        if step == stop_after:
            signal.raise_signal(signal.SIGINT)

    network = engine.train(state, bright_or_dark(), settings, "same", folder, on_step=note)
    return state, dict(network.state_dict()), losses


def test_a_run_that_gets_worse_ends_early_with_the_network_that_did_best(tmp_path: Path) -> None:
    settings = config(patience=3)
    state, weights, losses = run(settings, tmp_path, turned_about=True)
    best = min(losses, key=lambda step: losses[step])
    assert state.step == max(losses) == best + 2 * 3 < STEPS
    state.average.load_state_dict(weights)
    checked = EarlyStopping(settings, aside(bright_or_dark(turned_about=True), 8, 4))
    assert checked.check(state.average) == pytest.approx(losses[best])


def test_a_run_that_ended_early_and_was_stopped_before_ends_in_the_same_weights(
    tmp_path: Path,
) -> None:
    settings = config(patience=3)
    whole, weights, _ = run(settings, tmp_path / "whole", turned_about=True)
    with pytest.raises(engine.Interrupted):
        run(settings, tmp_path / "again", turned_about=True, stop_after=3)
    for _ in range(2):  # the second time there is nothing left to do
        again, ours, _ = run(settings, tmp_path / "again", turned_about=True)
        assert again.step == whole.step
        for name, value in weights.items():
            assert ours[name].equal(value), name


def test_a_run_that_gets_better_goes_to_its_end(tmp_path: Path) -> None:
    state, _, losses = run(
        config(patience=3, learning_rate=1e-3, steps=FEW), tmp_path, turned_about=False
    )
    assert state.step == FEW
    assert list(losses) == list(range(2, FEW + 1, 2))
    assert losses[FEW] < losses[2]


def test_without_patience_it_only_looks(tmp_path: Path) -> None:
    state, weights, losses = run(config(steps=FEW), tmp_path, turned_about=True)
    assert state.step == FEW
    assert len(losses) == FEW // 2
    for name, value in state.average.state_dict().items():
        assert weights[name].equal(value), name


def test_what_is_put_aside_is_seen_whole_or_as_far_as_it_may() -> None:
    samples = bright_or_dark()
    assert [len(batch.images) for batch in aside(samples, 8, 4)] == [4, 4]
    assert [len(batch.images) for batch in aside(samples, 8, 100)] == [8]
    seen = torch.cat([batch.classes for batch in aside(samples, 8, 4)])
    assert sorted(seen.tolist()) == [0, 0, 0, 0, 1, 1, 1, 1]


def test_patience_without_looks_is_refused() -> None:
    with pytest.raises(InputError, match="check_every"):
        config(patience=3, check_every=0)
