"""Measures how a package stands pictures that get worse: each corruption at each strength.

A sample of the images bounds the time; what was measured is kept, and a later run goes on.
"""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from beltmark.contract.documents import read_bytes, sha256_of, write_json
from beltmark.contract.errors import InputError
from beltmark.contract.package import ModelPackage
from beltmark.datasets.dataset import LabelledImage
from beltmark.datasets.images import read_image
from edge_agent.vision.detector import Detector
from edge_agent.vision.postprocess import iou
from training.evaluate.looking import found_of
from training.evaluate.matches import match
from training.evaluate.matching import Found, Truth, judged, named_rightly, truth_of
from training.evaluate.precision import ANSWER_IOU, average_precision
from training.evaluate.robust_corruptions import CORRUPTIONS, STRENGTHS, Image, corrupted

log = logging.getLogger(__name__)

ThingT = TypeVar("ThingT")

FORMAT = 1
MOST_IMAGES = 200
LONGER_PX = 800
"""Larger pictures are shrunk to this first: models look at less, and it bounds time and memory."""


@dataclass(frozen=True)
class Score:
    """What a model reaches on pictures.

    Attributes:
        ap50: Average precision at IoU 0.5; None where pictures are judged as a whole.
        top1: Share of the objects whose surest detection (IoU 0.5 or more) names their class, or of
            the pictures that the surest detection names rightly.
    """

    ap50: float | None
    top1: float

    @property
    def merit(self) -> float:
        """What robustness is told by: AP50, or top-1 where pictures are judged as a whole."""
        return self.top1 if self.ap50 is None else self.ap50


@dataclass(frozen=True)
class Robustness:
    """What a model reaches on pictures as they are, and on worse ones.

    Attributes:
        images: So many pictures.
        objects: With so many objects.
        clean: As they are.
        scores: By the name of the corruption, for each strength.
    """

    images: int
    objects: int
    clean: Score
    scores: Mapping[str, tuple[Score, ...]]

    @property
    def is_whole(self) -> bool:
        """Whether pictures are judged as a whole."""
        return self.clean.ap50 is None

    @property
    def mean_merit(self) -> float:
        """Mean over all corruptions and strengths (mPC of Michaelis et al., 2019)."""
        return float(np.mean([score.merit for row in self.scores.values() for score in row]))

    @property
    def mean_top1(self) -> float:
        """The same of top-1."""
        return float(np.mean([score.top1 for row in self.scores.values() for score in row]))


def sample(things: Sequence[ThingT], most: int, seed: int) -> list[ThingT]:
    """Draws things, in their order, the same ones for the same seed."""
    if len(things) <= most:
        return list(things)
    chosen = np.random.default_rng(seed).choice(len(things), most, replace=False)
    return [things[index] for index in sorted(chosen)]


def measure(
    package: ModelPackage,
    images: Sequence[LabelledImage],
    *,
    truth_of: Callable[[LabelledImage], Truth] = truth_of,
    most: int = MOST_IMAGES,
    seed: int = 0,
    kept: Path | None = None,
    on_step: Callable[[str], None] = lambda told: None,
) -> Robustness:
    """Measures a package on pictures as they are, and on worse ones.

    Args:
        package: Whose detector looks.
        images: Of these, `most` are drawn.
        truth_of: Tells what is in an image, by the model's classes.
        most: Bounds time and memory.
        seed: Start of all chance.
        kept: Folder for what is measured; None keeps nothing.
        on_step: Called after each of the STEPS, with its name.

    Raises:
        InputError: No image shows anything, or one cannot be read.
    """
    drawn = sample(shown([(image, truth_of(image)) for image in images]), most, seed)
    if not drawn:
        raise InputError("no image has a box or a class", "give a dataset that says what it shows")
    chosen = [image for image, _ in drawn]
    pictures = [_picture(image) for image in chosen]
    truths = [
        _scaled(truth, image, picture)
        for (image, truth), picture in zip(drawn, pictures, strict=True)
    ]
    notes = _Notes(kept, _identity(package, chosen, truths, seed))
    detector = Detector(package)
    classes = package.manifest.classes

    def score(name: str, change: Callable[[int, Image, Truth], tuple[Image, Truth]]) -> Score:
        known = notes.read(name)
        if known is None:
            changed = (
                change(i, *pair) for i, pair in enumerate(zip(pictures, truths, strict=True))
            )
            known = _score(detector, changed, classes)
            notes.write(name, known)
        on_step(name)
        return known

    clean = score("clean", lambda _, picture, truth: (picture, truth))
    scores = {}
    for number, corruption in enumerate(CORRUPTIONS):
        row = []
        for strength in STRENGTHS:

            def change(index: int, picture: Image, truth: Truth) -> tuple[Image, Truth]:
                where = (seed, number, index)  # noqa: B023 - is called in this very round
                return corrupted(corruption, strength, picture, truth, where)  # noqa: B023

            row.append(score(f"{corruption.name} {strength}", change))
        scores[corruption.name] = tuple(row)
    objects = sum(len(truth.asked) for truth in truths)
    return Robustness(len(chosen), objects, clean, scores)


STEPS = 1 + len(CORRUPTIONS) * len(STRENGTHS)


def shown(
    images: Sequence[tuple[LabelledImage, Truth]],
) -> list[tuple[LabelledImage, Truth]]:
    """Returns the images with objects; where none has any, those of a known class as a whole."""
    if having := [each for each in images if len(each[1].boxes)]:
        return having
    return [each for each in images if each[1].whole is not None and each[1].whole >= 0]


def _score(
    detector: Detector,
    pictures: Iterable[tuple[Image, Truth]],
    classes: Sequence[str],
) -> Score:
    found, truths = [], []
    for picture, truth in pictures:
        found.append(judged(found_of(detector.detect(picture)), truth))
        truths.append(truth)
    if all(truth.is_whole for truth in truths):
        return Score(None, float(named_rightly(found, truths).mean()))
    return Score(_ap50(found, truths, classes), top1(found, truths))


def _ap50(found: Sequence[Found], truths: Sequence[Truth], classes: Sequence[str]) -> float:
    return average_precision(match(found, truths, len(classes)), classes).ap50


def top1(found: Sequence[Found], truths: Sequence[Truth]) -> float:
    """Share of the objects whose surest detection names their class; without one it does not."""
    right = total = 0
    for each, truth in zip(found, truths, strict=True):
        total += len(truth.labels)
        if not len(each.scores) or not len(truth.labels):
            continue
        lies_on = iou(each.boxes, truth.boxes) >= ANSWER_IOU
        surest = lies_on.argmax(axis=0)  # best first: the first that lies on it
        right += int((lies_on.any(axis=0) & (each.labels[surest] == truth.labels)).sum())
    return right / max(total, 1)


def _picture(image: LabelledImage) -> Image:
    picture = read_image(image)
    scale = LONGER_PX / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return np.asarray(
        cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
    )


def _scaled(truth: Truth, image: LabelledImage, picture: Image) -> Truth:
    height, width = picture.shape[:2]
    scale = np.array((width / image.width_px, height / image.height_px) * 2, np.float32)
    return replace(truth, boxes=truth.boxes * scale, ignored=truth.ignored * scale)


def _identity(
    package: ModelPackage, images: Sequence[LabelledImage], truths: Sequence[Truth], seed: int
) -> str:
    shown = [
        [image.path.name, truth.boxes.tolist(), truth.asked.tolist(), truth.ignored.tolist()]
        for image, truth in zip(images, truths, strict=True)
    ]
    amounts = [[each.name, *each.amounts] for each in CORRUPTIONS]
    parts = [FORMAT, version("beltmark"), package.digest, seed, amounts, shown]
    return sha256_of(json.dumps(parts).encode())


class _Notes:
    """What was measured before, in one small file."""

    def __init__(self, folder: Path | None, identity: str) -> None:
        self._file = None if folder is None else folder / f"robustness-{identity}.json"
        self._known: dict[str, tuple[float | None, float]] = {}
        if self._file is not None and self._file.exists():
            try:
                self._known = dict(json.loads(read_bytes(self._file)))
            except (InputError, ValueError, TypeError) as error:
                log.warning("%s: measured anew, for it cannot be read: %s", self._file, error)

    def read(self, name: str) -> Score | None:
        known = self._known.get(name)
        return None if known is None else Score(*known)

    def write(self, name: str, score: Score) -> None:
        self._known[name] = score.ap50, score.top1
        if self._file is not None:
            write_json(self._file, self._known)
