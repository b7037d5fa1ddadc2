"""A tiny run for `torchrun`: several processes learn together, and the first keeps a checkpoint."""

import signal
import sys
from pathlib import Path

import numpy as np
from whole_images import samples_of, whole_image

from beltmark.contract.documents import parse
from training import engine
from training.checkpoints import CHECKPOINT, load_checkpoint
from training.config import TrainConfig
from training.data.batches import TrainingSamples
from training.ranks import ALONE, Ranks, together

CONFIG = parse(
    {
        "name": "tiny",
        "task": "classify",
        "data": {"annotations": "photographs", "test_share": 0.2},
        "input": {"width_px": 64, "height_px": 64},
        "training": {
            "steps": 4,
            "batch_size": 4,
            "warmup_steps": 1,
            "frozen_stages": 6,
            "workers": 0,
            "threads": 1,
        },
    },
    TrainConfig,
    "config.toml",
)


def samples() -> TrainingSamples:
    """The same picture six times, of two classes: every share has the same statistics."""
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    return samples_of([whole_image(picture, int(index > 1)) for index in range(6)])


def learn(folder: Path, stop_at: int = 0, ranks: Ranks = ALONE) -> None:
    """Goes on from the folder's checkpoint, if there is one."""
    state = engine.start(CONFIG, 2)
    if (folder / CHECKPOINT).exists():
        load_checkpoint(state, folder / CHECKPOINT, "same")

    def stop(step: int, _values: object) -> None:
        # One of them is told to stop: all must.
        if step == stop_at and ranks.rank == ranks.world - 1:
            signal.raise_signal(signal.SIGTERM)

    engine.train(state, samples(), CONFIG, "same", folder, on_step=stop, ranks=ranks)


if __name__ == "__main__":
    with together() as ranks:
        try:
            learn(Path(sys.argv[1]), int(sys.argv[2]), ranks)
        except engine.Interrupted:
            print("stopped", flush=True)
