"""Section: pictures of the worst mistakes, what is there in green, what was said in red."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.datasets.images import read_image
from training.evaluate.classes import UNKNOWN
from training.evaluate.context import ANSWERS_FROM, TOLD_ANSWERS, Context, LeftOut
from training.evaluate.matching import pair
from training.evaluate.precision import ANSWER_IOU
from training.evaluate.section import Figure, Section, Table

KEY: Final = "mistakes"
MOST: Final = 24
LONGEST_PX: Final = 480
QUALITY: Final = 80
GREEN, RED = (60, 180, 0), (0, 0, 230)
WRONG, FALSE, MISSED = "taken for something else", "nothing there", "not found"


@dataclass(frozen=True)
class Mistake:
    """One wrong answer, or one that is missing.

    Attributes:
        image: Row of the image.
        kind: What is wrong.
        told: In words.
        score: Of the answer; of what was not found, 0.
        found: Row of the detection, or None.
        truth: Row of the object, or None.
    """

    image: int
    kind: str
    told: str
    score: float
    found: int | None
    truth: int | None


def section(context: Context) -> Section | LeftOut:
    """Shows the worst: wrong names first, the surest of each kind before others."""
    ranked = mistakes(context)
    if not ranked:
        return LeftOut("no mistake was made")
    counts = {kind: sum(one.kind == kind for one in ranked) for kind in (WRONG, FALSE, MISSED)}
    shown = worst(ranked)
    names = {index: str(image.path.name) for index, image in enumerate(context.evaluation.images)}
    rows = [(names[one.image], one.kind, one.told, round(one.score, 4)) for one in shown]
    return Section(
        KEY,
        "Worst mistakes",
        (
            _told(counts, all(truth.is_whole for truth in context.evaluation.truths)),
            "Green: what is there. Red: what was said.",
        ),
        {"wrong": float(counts[WRONG]), "false": float(counts[FALSE]),
         "missed": float(counts[MISSED])},
        (Table("Shown below", ("image", "what", "in words", "score"), rows),),
        tuple(_picture(context, one) for one in shown),
    )  # fmt: skip


def _told(counts: Mapping[str, int], is_whole: bool) -> str:
    if is_whole:
        return (
            f"{counts[WRONG]} images taken for something else, {counts[MISSED]} not named, by "
            f"{TOLD_ANSWERS}."
        )
    return (
        f"{counts[WRONG]} objects taken for something else, {counts[FALSE]} answers where nothing "
        f"is, {counts[MISSED]} objects not found, by {TOLD_ANSWERS}."
    )


def mistakes(context: Context) -> list[Mistake]:
    """Returns every mistake of answers that count, the surest first."""
    evaluation = context.evaluation
    found_all: list[Mistake] = []
    for row, (found, truth) in enumerate(zip(evaluation.found, evaluation.truths, strict=True)):
        pairs = pair(found, truth, ANSWER_IOU)
        sure = found.scores >= ANSWERS_FROM
        for index in np.flatnonzero(sure):
            said = context.names[found.labels[index]]
            score = float(found.scores[index])
            at = int(pairs[index])
            if at < 0 and (truth.whole is None or len(truth.boxes)):
                found_all.append(Mistake(row, FALSE, f"said {said}", score, int(index), None))
            elif at >= 0 and truth.labels[at] != found.labels[index]:
                is_ = _name(context, int(truth.labels[at]))
                told = f"{is_}, said {said}"
                found_all.append(Mistake(row, WRONG, told, score, int(index), at))
        for at in sorted(set(range(len(truth.boxes))) - set(pairs[sure].tolist())):
            if truth.labels[at] >= 0:
                told = _name(context, int(truth.labels[at]))
                found_all.append(Mistake(row, MISSED, told, 0.0, None, at))
        if truth.whole is not None and not len(truth.boxes):
            found_all += _of_whole(context, row)
    found_all.sort(key=lambda one: -one.score)
    return found_all


def worst(ranked: list[Mistake], most: int = MOST) -> list[Mistake]:
    """Chooses up to `most`: half of them wrong names, then false answers and what was missed."""
    shares = {WRONG: most - most // 4 - most // 4, FALSE: most // 4, MISSED: most // 4}
    chosen = []
    for kind, share in shares.items():
        chosen += [one for one in ranked if one.kind == kind][:share]
    rest = [one for one in ranked if one not in chosen]
    chosen += rest[: most - len(chosen)]
    order = (WRONG, FALSE, MISSED)
    return sorted(chosen, key=lambda one: (order.index(one.kind), -one.score))


def _of_whole(context: Context, row: int) -> list[Mistake]:
    found, truth = context.evaluation.found[row], context.evaluation.truths[row]
    assert truth.whole is not None, "is asked for images that have a class"
    is_ = _name(context, truth.whole)
    if not len(found.scores) or found.scores[0] < ANSWERS_FROM:
        return [Mistake(row, MISSED, is_, 0.0, None, None)] if truth.whole >= 0 else []
    if found.labels[0] == truth.whole:
        return []
    told = f"{is_}, said {context.names[found.labels[0]]}"
    return [Mistake(row, WRONG, told, float(found.scores[0]), 0, None)]


def _name(context: Context, label: int) -> str:
    return "an unknown product" if label == UNKNOWN else context.names[label]


def _picture(context: Context, mistake: Mistake) -> Figure:
    evaluation = context.evaluation
    image = evaluation.images[mistake.image]
    picture = read_image(image)
    scale = min(1.0, LONGEST_PX / max(picture.shape[:2]))
    small = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale), np.uint8)
    truth, found = evaluation.truths[mistake.image], evaluation.found[mistake.image]
    for row, (box, label) in enumerate(zip(truth.boxes, truth.labels, strict=True)):
        thick = 2 if row == mistake.truth else 1
        _draw(small, box * scale, _name(context, int(label)), GREEN, thick)
    if mistake.found is not None:
        said = f"{context.names[found.labels[mistake.found]]} {mistake.score:.2f}"
        _draw(small, found.boxes[mistake.found] * scale, said, RED, 2)
    _, content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    sure = f" ({mistake.score:.2f})" if mistake.found is not None else ""
    title = f"{image.path.name}: {mistake.kind}: {mistake.told}{sure}"
    return Figure(title, "image/jpeg", content.tobytes())


def _draw(
    picture: NDArray[np.uint8],
    box: NDArray[np.float32],
    told: str,
    colour: tuple[int, int, int],
    thick: int,
) -> None:
    left, top, right, bottom = (round(float(side)) for side in box)
    cv2.rectangle(picture, (left, top), (right, bottom), colour, thick)
    at = (left, bottom + 11 if colour == RED else max(top - 3, 9))
    cv2.putText(picture, told, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
