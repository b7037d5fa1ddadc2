"""Makes a run's model int8: with images of its own, judged by the edge's detector on others."""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from beltmark.contract.documents import write_document
from beltmark.contract.package import Manifest
from beltmark.datasets.dataset import LabelledImage
from training.compress.choosing import compress
from training.compress.ranges import Ranges
from training.compress.record import FILE
from training.compress.tuning import tune
from training.config import TrainConfig
from training.data.batches import TrainingSamples, batches
from training.evaluate.evaluation import LEADING, evaluate, metrics_of
from training.evaluate.speed import spread_rows
from training.model.detector import normalised
from training.package import write_package
from training.plan import Plan
from training.progress import counting

log = logging.getLogger(__name__)

MOST_JUDGED = 500
"""Images that each int8 model is judged by: seconds each, and half a point can be told."""

SCRATCH = ".compressing-"


def make_int8(
    plan: Plan, draft: Manifest, core: onnx.ModelProto, samples: TrainingSamples
) -> onnx.ModelProto:
    """Makes an exported core int8, and writes down in the run's folder how.

    Args:
        plan: The run.
        draft: The manifest as far as it is known.
        core: From `export_core`.
        samples: What the run learned from; images for ranges and tuning come next after those.
    """
    settings = plan.config.compress
    inputs = list(calibration_inputs(samples, plan.config))
    tuner = partial(_tune, samples, plan.config) if settings.tuning_steps else None
    with tempfile.TemporaryDirectory(dir=plan.folder, prefix=SCRATCH) as scratch:
        judge = PackageJudge(draft, plan.chosen_by, Path(scratch))
        model, record = compress(core, draft.input, settings, inputs, judge=judge, tuner=tuner)
    write_document(plan.folder / FILE, record)
    return model


class PackageJudge:
    """Judges models as the edge would run them, on images put aside.

    Args:
        draft: The manifest that goes with them.
        images: To judge by; some of them, where there are many.
        folder: For what is needed on the way.
    """

    def __init__(self, draft: Manifest, images: Sequence[LabelledImage], folder: Path) -> None:
        self._draft, self._folder = draft, folder
        self._chosen = [images[row] for row in spread_rows(len(images), MOST_JUDGED)]
        self._judged = 0
        self.measure = LEADING[draft.task][0]
        self.images = len(self._chosen)

    def __call__(self, model: onnx.ModelProto) -> float:
        """See `Judge`."""
        self._judged += 1
        package = write_package(self._folder / str(self._judged), model, self._draft, ())
        return metrics_of(evaluate(package, self._chosen))[self.measure]


def calibration_inputs(
    samples: TrainingSamples, config: TrainConfig
) -> Iterator[NDArray[np.uint8]]:
    """Yields model inputs, uint8 [1, H, W, 3], that training would have seen next.

    They are varied like those of training, as what the camera will show is: ranges taken from the
    bare images would be too narrow for other scenes.
    """
    first = config.training.steps * config.training.batch_size
    for number in range(first, first + config.compress.calibration_images):
        yield samples[number].image_bgr[np.newaxis]


def _tune(
    samples: TrainingSamples, config: TrainConfig, core: onnx.ModelProto, ranges: Ranges
) -> tuple[onnx.ModelProto, Ranges]:
    """Trains with int8's rounding in the loop, on what training would have seen next."""
    settings, steps = config.training, config.compress.tuning_steps
    torch.manual_seed(settings.seed)
    loader = batches(
        samples,
        first_step=settings.steps,
        steps=settings.steps + steps,
        batch_size=settings.batch_size,
        workers=settings.workers,
    )
    images: Iterator[Tensor] = (normalised(batch.images) for batch in loader)
    with counting("training with int8", steps) as count:
        tuned = tune(core, ranges, images, steps, lambda loss: count(f"loss {loss:.4f}"))
    log.info(
        "trained with int8: loss %.5f in the beginning, %.5f in the end",
        np.mean(tuned.losses[:10]),
        np.mean(tuned.losses[-10:]),
    )
    return tuned.core, tuned.ranges
