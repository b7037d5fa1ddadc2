"""Chooses how a model becomes int8, by what each way gives on images that are put aside.

First the ranges' method; where too much is lost, training with int8's rounding in the loop; where
still too much is, the layers that int8 harms most stay fp32.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from beltmark.contract.package import InputSpec
from training.compress.noise import (
    Answers,
    Sensitivity,
    answers_of,
    closeness_db,
    sensitivities,
)
from training.compress.quantise import behind_pixels, quantise_core
from training.compress.ranges import Ranges, observe
from training.compress.record import CompressionRecord, HarmedUnit, Try
from training.compress.settings import CALIBRATIONS, CompressSettings
from training.compress.units import Unit, float_share, units_of
from training.export import with_pixels
from training.progress import counting

log = logging.getLogger(__name__)

NOISE_IMAGES = 16
AS_GOOD_POINTS = 0.2
"""So near to the best one a try is as good: then the one that is closest to fp32 is taken."""


class Judge(Protocol):
    """Says what a model is worth.

    Attributes:
        measure: What is counted.
        images: On how many.
    """

    measure: str
    images: int

    def __call__(self, model: onnx.ModelProto) -> float:
        """Returns the measure, 0..1, of a model that takes the camera's pixels."""


Tuner = Callable[[onnx.ModelProto, Ranges], tuple[onnx.ModelProto, Ranges]]
"""Trains a core with its ranges for int8 and returns both."""


@dataclass(frozen=True)
class Candidate:
    """An int8 model, what it was made of, and what it is worth."""

    told: Try
    core: onnx.ModelProto
    ranges: Ranges
    model: onnx.ModelProto


def compress(
    core: onnx.ModelProto,
    spec: InputSpec,
    settings: CompressSettings,
    inputs: Sequence[NDArray[np.uint8]],
    *,
    judge: Judge,
    tuner: Tuner | None,
) -> tuple[onnx.ModelProto, CompressionRecord]:
    """Makes a model int8 in the way that does best.

    Args:
        core: From `export_core`.
        spec: The model's input.
        settings: Which ways there are.
        inputs: Calibration inputs, each uint8 [1, H, W, 3], BGR, as the detector prepares them.
        judge: Says what models are worth, on images that are learnt from nowhere.
        tuner: Trains for int8; None where it is not to.

    Returns:
        The model, from uint8 [1, H, W, 3] to the package's named outputs, and how it came about.
    """
    bench = _Bench(core, spec, inputs[:NOISE_IMAGES], judge)
    named = settings.calibration
    methods = CALIBRATIONS if named == "measured" else (named,)
    tries = [
        bench.try_out(method, core, ranges)
        for method, ranges in observe(core, inputs, methods).items()
    ]
    taken = best_of(tries, bench.fp32)
    harmed: Sequence[HarmedUnit] = ()
    allowed = bench.fp32 - settings.tolerance_points / 100
    if taken.told.merit < allowed and tuner is not None:
        tuned = bench.try_out(f"{taken.told.name}, trained", *tuner(taken.core, taken.ranges))
        tries.append(tuned)
        taken = best_of([taken, tuned], bench.fp32)
    if taken.told.merit < allowed and settings.most_float_share > 0:
        mixed, harmed = bench.mix(taken, allowed, settings.most_float_share)
        tries += mixed
        taken = next((each for each in mixed if each.told.merit >= allowed), None) or best_of(
            [taken, *mixed], bench.fp32
        )
    record = CompressionRecord(
        measure=judge.measure,
        images=judge.images,
        fp32=bench.fp32,
        tolerance_points=settings.tolerance_points,
        tries=tuple(each.told for each in tries),
        taken=taken.told.name,
        harmed=tuple(harmed),
    )
    return taken.model, record


def best_of(tries: Sequence[Candidate], fp32: float) -> Candidate:
    """Returns the try that did best; of those as good, the fastest and closest to fp32.

    Args:
        tries: At least one.
        fp32: What the model reaches before; to reach more is luck.
    """
    most = min(max(each.told.merit for each in tries), fp32)
    near = [each for each in tries if each.told.merit >= most - AS_GOOD_POINTS / 100]
    return min(near, key=lambda each: (each.told.float_share, -each.told.closeness_db))


def growing(
    harmed: Sequence[Sensitivity], units: Sequence[Unit], most_share: float
) -> list[list[Unit]]:
    """Returns what stays fp32, try by try: twice as many parts each time, the most harmed first.

    A part that would exceed the share is passed over.

    Args:
        harmed: All parts, the most harmed first.
        units: The same, in any order.
        most_share: Of all multiplications.
    """
    fitting: list[Unit] = []
    for each in harmed:
        if float_share([*fitting, each.unit], units) <= most_share:
            fitting.append(each.unit)
    counts = [2**power for power in range(len(fitting).bit_length()) if 2**power < len(fitting)]
    return [fitting[:count] for count in [*counts, len(fitting)] if count]


class _Bench:
    """Tries models out, all against the same fp32 one."""

    def __init__(
        self,
        core: onnx.ModelProto,
        spec: InputSpec,
        inputs: Sequence[NDArray[np.uint8]],
        judge: Judge,
    ) -> None:
        self._spec, self._inputs, self._judge = spec, inputs, judge
        self._exact: Answers = answers_of(core, inputs)
        self.fp32 = judge(with_pixels(core, spec))

    def try_out(
        self,
        name: str,
        core: onnx.ModelProto,
        ranges: Ranges,
        kept: Sequence[Unit] = (),
        units: Sequence[Unit] = (),
    ) -> Candidate:
        """Makes a core int8 and measures it."""
        nodes = [node for unit in kept for node in unit.nodes]
        quantised = quantise_core(core, ranges, nodes)
        close = closeness_db(self._exact, answers_of(quantised, self._inputs))
        model = behind_pixels(quantised, self._spec)
        share = float_share(kept, units) if kept else 0.0
        merit = self._judge(model)
        log.info(
            "int8, %s: %s %.4f (fp32 %.4f), %.1f dB",
            name,
            self._judge.measure,
            merit,
            self.fp32,
            close,
        )
        told = Try(name=name, merit=merit, closeness_db=close, float_share=share)
        return Candidate(told, core, ranges, model)

    def mix(
        self, base: Candidate, allowed: float, most_share: float
    ) -> tuple[list[Candidate], list[HarmedUnit]]:
        """Leaves more and more of what int8 harms in fp32, until enough of the measure is back."""
        units = units_of(base.core)
        with counting("int8, part by part", len(units)) as count:
            found = sensitivities(base.core, base.ranges, units, self._inputs, count)
        tries: list[Candidate] = []
        for kept in growing(found, units, most_share):
            name = f"{base.told.name}, {len(kept)} in fp32"
            tries.append(self.try_out(name, base.core, base.ranges, kept, units))
            if tries[-1].told.merit >= allowed:
                break
        harmed = [
            HarmedUnit(
                name=each.unit.name,
                alone_db=each.alone_db,
                share=float_share([each.unit], units),
            )
            for each in found
        ]
        return tries, harmed
