"""Finds boxes that are probably slips of the hand, and classes far apart in number. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from beltmark.datasets.boxes import iou
from beltmark.datasets.checks.finding import Finding, Place
from beltmark.datasets.dataset import Dataset, LabelledImage

TINY_SIDE_PX: Final = 6.0
TINY_SHARE: Final = 0.0002
"""Of the image's area: a square of 1.4 % of its side."""

WHOLE_SHARE: Final = 0.99
SAME_IOU: Final = 0.9
FEW_SAMPLES: Final = 20
IMBALANCE: Final = 20.0


def poor_boxes(images: Sequence[LabelledImage], names: Sequence[str]) -> Iterator[Finding]:
    """Finds boxes that are tiny, around the whole image, or there twice."""
    for image, name in zip(images, names, strict=True):
        area = image.width_px * image.height_px
        for labelled in image.objects:
            box = labelled.box_xyxy_px
            width, height = box[2] - box[0], box[3] - box[1]
            place = (Place(name, box),)
            shown = f"{width:.0f}x{height:.0f} of {image.width_px}x{image.height_px} pixels"
            if min(width, height) < TINY_SIDE_PX or width * height < TINY_SHARE * area:
                yield Finding("box-tiny", shown, place, score=-width * height)
            if width * height >= WHOLE_SHARE * area:
                yield Finding("box-whole", shown, place, score=width * height / area)
        yield from _drawn_twice(image, name)


def class_counts(dataset: Dataset) -> dict[str, int]:
    """Returns how many boxes, or images where they have classes as a whole, each class has."""
    counts = Counter(dict.fromkeys(dataset.class_names, 0))
    for image in dataset.images:
        if image.class_index is not None:
            counts[dataset.class_names[image.class_index]] += 1
        for labelled in image.objects:
            counts[dataset.class_names[labelled.class_index]] += 1
    return dict(counts)


def class_balance(dataset: Dataset) -> Iterator[Finding]:
    """Finds classes with few samples, and tells when the most frequent one has many times more."""
    counts = class_counts(dataset)
    for name, number in counts.items():
        if number < FEW_SAMPLES:
            yield Finding("few-samples", f"{name}: {number}", about=name, score=-number)
    present = {name: number for name, number in counts.items() if number}
    if not present:
        return
    most, least = max(present, key=present.__getitem__), min(present, key=present.__getitem__)
    ratio = present[most] / present[least]
    if ratio > IMBALANCE:
        told = (
            f"{most} has {present[most]}, {least} {present[least]}: {ratio:.0f} times as many "
            f"(median {median(present.values()):.0f})"
        )
        yield Finding("imbalance", told, about=f"{most} {least}", score=ratio)


def _drawn_twice(image: LabelledImage, name: str) -> Iterator[Finding]:
    """Finds boxes that lie on each other; sorted by their left side, so few are compared."""
    ordered = sorted(image.objects, key=lambda each: each.box_xyxy_px)
    for index, one in enumerate(ordered):
        box = one.box_xyxy_px
        for other in ordered[index + 1 :]:
            if other.box_xyxy_px[0] > box[0] + (1 - SAME_IOU) * (box[2] - box[0]):
                break
            overlap = iou(box, other.box_xyxy_px)
            if overlap >= SAME_IOU:
                same = one.class_index == other.class_index
                told = f"IoU {overlap:.2f}, of {'one class' if same else 'two classes'}"
                places = (Place(name, box), Place(name, other.box_xyxy_px))
                yield Finding("box-duplicated", told, places, score=overlap)
