"""How loud int8's rounding is in what a model answers, and which of its units makes the noise.

Signal over noise, in decibels, at the outputs: a measure that needs no labels, moves with every
change, and takes a few images; what the answers are worth is measured with the edge's detector.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from beltmark.contract.package import OutputSpec
from training.compress.quantise import quantise_core
from training.compress.ranges import Ranges, core_input
from training.compress.units import Unit
from training.export import CORE_INPUT

LOUDEST_DB = 120.0
"""No two answers are told to be closer than this."""

TOLD_FROM = 0.1
"""Boxes count where the model says that there is something with so much probability."""


@dataclass(frozen=True)
class Sensitivity:
    """What int8 does to a unit.

    Attributes:
        unit: Which.
        alone_db: Signal over noise of the answers where this unit alone is int8; the less, the
            more it suffers.
    """

    unit: Unit
    alone_db: float


Answers = Mapping[str, NDArray[np.float32]]
"""By the output's name, the images' one after the other."""


def answers_of(core: onnx.ModelProto, inputs: Sequence[NDArray[np.uint8]]) -> Answers:
    """Lets a core, fp32 or int8, look at images, each uint8 [1, H, W, 3]."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.x64quantprecision", "1")  # as the detector does
    session = onnxruntime.InferenceSession(
        core.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    told = [session.run(names, {CORE_INPUT: core_input(pixels)}) for pixels in inputs]
    by_output = zip(*told, strict=True)
    return {name: np.concatenate(each) for name, each in zip(names, by_output, strict=True)}


def closeness_db(exact: Answers, rough: Answers) -> float:
    """Returns signal over noise of a model's scores, and of its boxes where there is something.

    Args:
        exact: What the fp32 core says.
        rough: What another one says of the same images.
    """
    names = OutputSpec(embedding_size=1)
    found = [signal_to_noise_db(exact[names.scores], rough[names.scores])]
    is_told = exact[names.scores].max(axis=2) >= TOLD_FROM
    if is_told.any():
        boxes = exact[names.boxes][is_told], rough[names.boxes][is_told]
        found.append(signal_to_noise_db(*boxes))
    return min(found)  # what is worse is what harms


def signal_to_noise_db(exact: NDArray[np.float32], rough: NDArray[np.float32]) -> float:
    """Returns the power of values, of any equal shape, over that of their error, in decibels."""
    signal = float(np.square(exact, dtype=np.float64).sum())
    noise = float(np.square(exact - rough, dtype=np.float64).sum())
    if not noise or not signal:
        return LOUDEST_DB if not noise else 0.0
    return min(float(10 * np.log10(signal / noise)), LOUDEST_DB)


def sensitivities(
    core: onnx.ModelProto,
    ranges: Ranges,
    units: Sequence[Unit],
    inputs: Sequence[NDArray[np.uint8]],
    on_unit: Callable[[str], None] = lambda name: None,
) -> list[Sensitivity]:
    """Makes one unit after the other int8, the rest staying fp32; the most harmed come first.

    Args:
        core: From `export_core`.
        ranges: Of its tensors.
        units: All of the core's.
        inputs: Each uint8 [1, H, W, 3].
        on_unit: Called after each, with its name.
    """
    exact = answers_of(core, inputs)
    found = []
    for unit in units:
        others = [name for other in units if other is not unit for name in other.nodes]
        rough = answers_of(quantise_core(core, ranges, others), inputs)
        found.append(Sensitivity(unit, closeness_db(exact, rough)))
        on_unit(unit.name)
    return sorted(found, key=lambda each: each.alone_db)
