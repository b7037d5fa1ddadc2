"""The sections of an evaluation that let a station look: whole items, and pictures that get worse.

Makes them from the evaluation's context; measuring is left to `items_*` and `robust_*`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from beltmark.contract.policy import Policy
from training.evaluate import robust_measure
from training.evaluate.context import Context, LeftOut
from training.evaluate.items_evaluation import sections_of_sequences
from training.evaluate.matching import truth_of
from training.evaluate.robust_section import robustness_section
from training.evaluate.section import Section
from training.evaluate.sequences import LEAST_FRAMES

ITEMS_KEY: Final = "items"
ROBUSTNESS_KEY: Final = "robustness"


def items(context: Context) -> Sequence[Section] | LeftOut:
    """What becomes of each filmed item, and the worst of these mistakes."""
    policy = Policy(target_precision=context.target_precision, threshold=context.threshold)
    made = sections_of_sequences(
        context.package, context.dataset, context.evaluation.images, policy, kept=context.kept
    )
    if made:
        return made
    return LeftOut(f"no sequence has {LEAST_FRAMES} frames or more of items with a track_id")


def robustness(context: Context) -> Section | LeftOut:
    """How the model stands pictures that get worse."""
    images, truths = context.evaluation.images, context.evaluation.truths
    if not robust_measure.shown(list(zip(images, truths, strict=True))):
        return LeftOut("no image has a box, or a class that the model knows")
    measured = robust_measure.measure(
        context.package,
        images,
        truth_of=partial(truth_of, classes=context.classes, task=context.package.manifest.task),
        seed=context.seed,
        kept=context.kept,
    )
    return robustness_section(measured)
