"""Tasks whose truth is known, mixed among the others; how near to it each person comes. Pure.

That a task is gold is told nowhere in it: the project's uploads have a register of them, which no
page of Label Studio shows. Any machine that may pull can read it.
"""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from beltmark.contract.documents import Document, sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.boxes import to_xywh
from beltmark.datasets.dataset import Box as Corners
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.label_studio.regions import Box, to_percent
from beltmark.datasets.label_studio.words import UNSURE
from labeling.agreement import NOTHING, Judged, compare

REGISTER_PREFIX: Final = "gold-"
_LEAST_INSIDE: Final = 0.5
"""A drawn box with this much of it where nothing is judged is neither right nor wrong."""

ThingT = TypeVar("ThingT")


class GoldBox(Document):
    """A box that is there: left, top, width, height, in percent of the image."""

    class_name: str
    box_xywh_percent: Box


class GoldImage(Document):
    """What is in an image, by the digest of its file."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    boxes: tuple[GoldBox, ...] = ()
    ignored_xywh_percent: tuple[Box, ...] = ()


_REGISTER: Final = TypeAdapter(list[GoldImage])


def truth_of(image: LabelledImage, digest: str, dataset: Dataset) -> GoldImage:
    """Returns what a dataset says of an image; its class as a whole is a box around it."""
    size = (image.width_px, image.height_px)

    def percent(box: Corners) -> Box:
        left, top, width, height = to_xywh(box)
        return to_percent((left, top, width, height), size)

    boxes = [
        GoldBox(
            class_name=dataset.class_names[each.class_index],
            box_xywh_percent=percent(each.box_xyxy_px),
        )
        for each in image.objects
    ]
    if image.class_index is not None:
        whole = dataset.class_names[image.class_index]
        boxes.append(GoldBox(class_name=whole, box_xywh_percent=(0, 0, 100, 100)))
    ignored = tuple(map(percent, image.ignore_xyxy_px))
    return GoldImage(sha256=digest, boxes=tuple(boxes), ignored_xywh_percent=ignored)


def register_of(images: Iterable[GoldImage]) -> tuple[str, bytes]:
    """Returns the name and the content of a register's file."""
    rows = [image.model_dump(mode="json") for image in sorted(images, key=lambda each: each.sha256)]
    content = json.dumps(rows).encode()
    return f"{REGISTER_PREFIX}{sha256_of(content)[:16]}.json", content


def read_register(content: bytes, where: Path) -> list[GoldImage]:
    """Reads a register.

    Raises:
        InputError: It is none.
    """
    try:
        return _REGISTER.validate_json(content)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise InputError(
            f"a register of gold tasks that cannot be read: {told}",
            "was it made by another version? delete that upload",
            file=where,
        ) from None


def mixed(ranked: Sequence[ThingT], spread: Sequence[ThingT], seed: int) -> list[ThingT]:
    """Returns both as one: the ranked in their order, the others anywhere among them."""
    chance = random.Random(seed)
    others = list(spread)
    chance.shuffle(others)
    places = set(chance.sample(range(len(ranked) + len(others)), len(others)))
    one, other = iter(ranked), iter(others)
    return [next(other if k in places else one) for k in range(len(ranked) + len(others))]


@dataclass
class Accuracy:
    """How near to the truth a person's answers are.

    Attributes:
        images: To so many gold tasks they have an answer.
        truth: Boxes that are there.
        drawn: Boxes that they drew.
        found: Of those that are there, how many they drew, of whatever class.
        right: Of these, how many have the right class.
        iou_sum: Of those found.
    """

    images: int = 0
    truth: int = 0
    drawn: int = 0
    found: int = 0
    right: int = 0
    iou_sum: float = 0.0

    def add(self, truth: GoldImage, answer: Iterable[Judged], min_iou: float) -> None:
        """Counts one answer."""
        there = [Judged(each.class_name, each.box_xywh_percent) for each in truth.boxes]
        drawn = [each for each in answer if each.class_name != UNSURE]
        # What is beside all that is there, where nothing is judged, is passed over.
        drawn = [
            each
            for each in drawn
            if compare(there, [each], min_iou).iou_sum > 0
            or not any(_inside(each.box_xywh, box) for box in truth.ignored_xywh_percent)
        ]
        comparison = compare(there, drawn, min_iou)
        right = comparison.same.total()
        wrong = sum(n for pair, n in comparison.different.items() if NOTHING not in pair)
        self.images += 1
        self.truth += len(there)
        self.drawn += len(drawn)
        self.found += right + wrong
        self.right += right
        self.iou_sum += comparison.iou_sum

    @property
    def mean_iou(self) -> float | None:
        """Mean IoU of the boxes found."""
        return self.iou_sum / self.found if self.found else None


def told(accuracy: Mapping[str, Accuracy]) -> list[tuple[str, str]]:
    """Returns each person and what to say of them."""
    lines = []
    for person, each in sorted(accuracy.items()):
        parts = [
            f"recall {_share(each.found, each.truth)}",
            f"precision {_share(each.found, each.drawn)}",
            f"class right {_share(each.right, each.found)}",
        ]
        if each.mean_iou is not None:
            parts.append(f"mean IoU {each.mean_iou:.3f}")
        lines.append((person, f"{each.images} gold images: {', '.join(parts)}"))
    return lines


def _share(count: int, of: int) -> str:
    """Returns a share with Wilson's interval of 95 %."""
    if not of:
        return "of none"
    from scipy.stats import binomtest  # noqa: PLC0415 - takes a second

    interval = binomtest(count, of).proportion_ci(method="wilson")
    return f"{count / of:.3f} ({interval.low:.3f}-{interval.high:.3f}, {count} of {of})"


def _inside(box: Box, region: Box) -> bool:
    """Whether at least half of a box is within a region."""
    width = min(box[0] + box[2], region[0] + region[2]) - max(box[0], region[0])
    height = min(box[1] + box[3], region[1] + region[3]) - max(box[1], region[1])
    return width > 0 and height > 0 and width * height >= _LEAST_INSIDE * box[2] * box[3]
