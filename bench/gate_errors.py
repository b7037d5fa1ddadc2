"""How often the gate errs: simulated detections of models whose true average precision is known.

Scenes differ from each other, and what one model finds hard is hard for the other too. Run as
`python -m bench.gate_errors`, it prints the table of docs/gate.md: how often a model that is worse
than it should be passes all the same, and how often a good one does.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beltmark.datasets.dataset import LabelledImage
from training.charter.document import ChampionCriterion, Charter, Criterion, Labels
from training.evaluate.matches import ap_statistic, match
from training.evaluate.matching import Found, Truth
from training.gate.judge import Contender, judge
from training.gate.measures import Measured

OBJECTS = 3
IMAGES_PER_SCENE = 2
SCENES = (10, 25, 60, 150)
TRUE_SCENES = 10_000
OWN = 1.5
"""How much what is hard for one model differs from what is hard for the other."""
CLASSES = ("product",)
IOU = np.array([0.5])


@dataclass(frozen=True)
class Skill:
    """How well a simulated model sees.

    Attributes:
        sight: The more, the more objects it finds; the share is its logistic function.
        false: How many things it finds in an image that are not there.
    """

    sight: float
    false: float = 0.3


@dataclass(frozen=True, eq=False)
class Trial:
    """One test set with what two models found in it."""

    images: tuple[LabelledImage, ...]
    truths: list[Truth]
    candidate: list[Found]
    champion: list[Found]


def trial(candidate: Skill, champion: Skill, scenes: int, rng: np.random.Generator) -> Trial:
    """Draws a test set.

    Args:
        candidate: One model.
        champion: The other.
        scenes: How many; each has as many images, and is easy or hard for both.
        rng: The chance.
    """
    images, truths = [], []
    found: tuple[list[Found], list[Found]] = ([], [])
    for scene in range(scenes):
        ease = rng.normal(0, 0.7)
        for frame in range(IMAGES_PER_SCENE):
            name = f"{scene}"
            path = Path(f"{scene}-{frame}.jpg")
            images.append(LabelledImage(path, 64, 64, name, name, (), ()))
            boxes = np.array([[20.0 * i, 0, 20 * i + 10, 10] for i in range(OBJECTS)], np.float32)
            nothing = np.zeros((0, 4), np.float32)
            truths.append(Truth(boxes, np.zeros(OBJECTS, np.int64), nothing))
            hardness = rng.logistic(size=OBJECTS)  # of each object, for both models...
            for skill, mine in zip((candidate, champion), found, strict=True):
                own = rng.normal(0, OWN, OBJECTS)  # ...and for this one alone
                mine.append(_looked(skill, boxes, skill.sight + ease - hardness - own, rng))
    return Trial(tuple(images), truths, found[0], found[1])


def true_ap50(skill: Skill, seed: int = 1) -> float:
    """Returns the average precision on so many scenes that chance is out of it."""
    drawn = trial(skill, skill, TRUE_SCENES, np.random.default_rng(seed))
    return ap_statistic(match(drawn.candidate, drawn.truths, 1, iou_thresholds=IOU), 0.5)(
        np.arange(len(drawn.images))
    )


def passes(drawn: Trial, *, floor: float | None, margin: float | None, draws: int) -> bool:
    """Lets the candidate through the gate: against a floor, or against the champion."""
    compared: tuple[ChampionCriterion, ...] = ()
    if margin is not None:
        compared = (ChampionCriterion(metric="detection.ap50", margin=margin),)
    # A charter has at least one criterion; this one always holds, and costs no drawing.
    criterion = Criterion(metric="package.bytes", at_most=1)
    if floor is not None:
        criterion = Criterion(metric="detection.ap50", at_least=floor)
    charter = Charter(
        name="bench",
        purpose="to count errors",
        users="nobody",
        owner="nobody",
        labels=Labels(target_precision=0.99, least_coverage=0.9),
        criteria=(criterion,),
        against_champion=compared,
    )
    ours, theirs = (
        Contender(
            Measured(CLASSES, match(found, drawn.truths, 1, iou_thresholds=IOU), (), None),
            {"package.bytes": 0.0},
        )
        for found in (drawn.candidate, drawn.champion)
    )
    results = judge(charter, drawn.images, ours, theirs, draws=draws)
    return all(each.passed for each in results)


def _looked(
    skill: Skill, boxes: NDArray[np.float32], ease: NDArray[np.float64], rng: np.random.Generator
) -> Found:
    hits = boxes[ease > 0]
    hit_scores = 1 / (1 + np.exp(-(1.5 + 0.5 * ease[ease > 0] + rng.normal(0, 1, len(hits)))))
    false = int(rng.poisson(skill.false))
    wrong = np.array([[20.0 * i, 40, 20 * i + 10, 50] for i in range(false)], np.float32)
    wrong_scores = 1 / (1 + np.exp(-rng.normal(-1, 1, false)))
    scores = np.concatenate([hit_scores, wrong_scores]).astype(np.float32)
    order = np.argsort(-scores, kind="stable")
    places = np.concatenate([hits, wrong.reshape(-1, 4)]).astype(np.float32)
    return Found(places[order], np.zeros(len(scores), np.int64), scores[order])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, default=200, help="simulated gates a row")
    parser.add_argument("--draws", type=int, default=1000, help="of each bootstrap")
    arguments = parser.parse_args()
    gates, draws = arguments.gates, arguments.draws
    same, worse, better = Skill(2.0), Skill(1.75), Skill(2.4)
    truth = {skill: true_ap50(skill) for skill in (same, worse, better)}
    print("true AP50:", {skill.sight: round(value, 4) for skill, value in truth.items()})
    lost = truth[same] - truth[worse]
    rows = [
        (f"floor {truth[same]:.3f}, AP50 is just that", same, truth[same], None),
        (f"floor {truth[same]:.3f}, AP50 is {truth[better]:.3f}", better, truth[same], None),
        (f"worse by just the margin of {lost:.3f}", worse, None, lost),
        (f"as good, margin {lost:.3f}", same, None, lost),
        (f"better by {truth[better] - truth[same]:.3f}, margin 0.01", better, None, 0.01),
    ]
    print("| candidate |", " | ".join(f"{n} scenes" for n in SCENES), "|")
    for told, skill, floor, margin in rows:
        shares = []
        for scenes in SCENES:
            rng = np.random.default_rng(scenes)
            passed = sum(
                passes(trial(skill, same, scenes, rng), floor=floor, margin=margin, draws=draws)
                for _ in range(gates)
            )
            shares.append(f"{100 * passed / gates:.1f} %")
        print("|", told, "|", " | ".join(shares), "|", flush=True)


if __name__ == "__main__":
    main()
