"""What differs between two snapshots: images, boxes, classes, counts. Pure.

Boxes of the same class that overlap are one that was moved; boxes of different classes that cover
much the same are one whose class was changed.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from beltmark.datasets.boxes import iou
from beltmark.datasets.snapshots.rows import (
    Lines,
    Row,
    RowObject,
    content_of,
    line_of,
    natural_key,
    read_row,
)

MIN_IOU_MOVED: Final = 0.1
MIN_IOU_CLASS: Final = 0.5

_FIELDS: Final = (
    "width_px", "height_px", "scene", "sequence", "frame", "class_name", "attributes",
    "ignore_xyxy_px", "times",
)  # fmt: skip
_WORDS: Final = {
    "moved": "moved",
    "class": "of another class",
    "flags": "with other flags or track",
    "added": "added",
    "removed": "removed",
}


@dataclass(frozen=True)
class ObjectChange:
    """One box that differs: what became of it, as it was and as it is."""

    kind: Literal["moved", "class", "flags", "added", "removed"]
    before: RowObject | None
    after: RowObject | None


@dataclass(frozen=True)
class ImageChange:
    """One image that both have, with different content or from different origins.

    Attributes:
        image: Its digest.
        before: Its rows as they were.
        after: Its rows as they are.
        objects: The boxes that differ.
        fields: What else differs, by name; `origins` alone where the content is the same.
    """

    image: str
    before: tuple[Row, ...]
    after: tuple[Row, ...]
    objects: tuple[ObjectChange, ...]
    fields: tuple[str, ...]

    @property
    def is_of_content(self) -> bool:
        """Whether more differs than where the image came from."""
        return bool(self.objects) or self.fields != ("origins",)

    @property
    def words(self) -> str:
        """What differs, in words."""
        counts = Counter(each.kind for each in self.objects)
        told = [
            f"{count} {'box' if count == 1 else 'boxes'} {_WORDS[kind]}"
            for kind, count in counts.items()
        ]
        return ", ".join([*told, *(name.removesuffix("_px") for name in self.fields)])


@dataclass(frozen=True)
class Difference:
    """What differs between two snapshots, or two shards of them."""

    removed: tuple[Row, ...] = ()
    added: tuple[Row, ...] = ()
    changed: tuple[ImageChange, ...] = ()

    def __add__(self, other: "Difference") -> "Difference":
        return Difference(
            self.removed + other.removed, self.added + other.added, self.changed + other.changed
        )

    def __bool__(self) -> bool:
        return bool(self.removed or self.added or self.changed)


def compare(before: Lines, after: Lines, file: Path) -> Difference:
    """Compares two shards; `file` is named where a row cannot be read."""
    removed: list[Row] = []
    added: list[Row] = []
    changed: list[ImageChange] = []
    for image in sorted({*before, *after}):
        olds, news = before.get(image, ()), after.get(image, ())
        if olds == news:
            continue
        rows = tuple(read_row(line, file) for line in olds)
        others = tuple(read_row(line, file) for line in news)
        if not others:
            removed += rows
        elif not rows:
            added += others
        else:
            changed.append(_changed(image, rows, others))
    return Difference(tuple(removed), tuple(added), tuple(changed))


def in_order(difference: Difference) -> Difference:
    """Returns a difference with its images in the order of their names."""
    return Difference(
        tuple(sorted(difference.removed, key=_name_key)),
        tuple(sorted(difference.added, key=_name_key)),
        tuple(sorted(difference.changed, key=lambda each: _name_key(each.after[0]))),
    )


def apply(lines: Lines, difference: Difference) -> Lines:
    """Returns what a shard becomes by a difference."""
    found: dict[str, tuple[bytes, ...]] = dict(lines)
    for row in difference.removed:
        found.pop(row.image, None)
    for change in difference.changed:
        found[change.image] = tuple(sorted(line_of(row) for row in change.after))
    for row in difference.added:
        found[row.image] = tuple(sorted((*found.get(row.image, ()), line_of(row))))
    return found


def class_counts(rows: Iterable[Row]) -> Counter[str]:
    """Counts boxes by class, and images as a whole for those that have a class as a whole."""
    counts: Counter[str] = Counter()
    for row in rows:
        for each in row.objects:
            counts[each.class_name] += row.times
        if row.class_name is not None:
            counts[row.class_name] += row.times
    return counts


def count_change(difference: Difference) -> Counter[str]:
    """Returns by how much the counts of the classes differ; classes that do not are left out."""
    counts: Counter[str] = Counter()
    counts.update(class_counts(difference.added))
    counts.subtract(class_counts(difference.removed))
    for change in difference.changed:
        counts.update(class_counts(change.after))
        counts.subtract(class_counts(change.before))
    return Counter({name: count for name, count in counts.items() if count})


def summary(before: Sequence[Row], after: Sequence[Row]) -> str:
    """Tells in words how the rows of one image differ."""
    return _changed("", tuple(before), tuple(after)).words


def as_json(change: ImageChange) -> dict[str, Any]:
    """Returns a change for programs."""
    return {
        "image": change.image,
        "name": change.after[0].names[0],
        "fields": list(change.fields),
        "objects": [
            {
                "kind": each.kind,
                "before": each.before and each.before.model_dump(mode="json"),
                "after": each.after and each.after.model_dump(mode="json"),
            }
            for each in change.objects
        ],
    }


def _name_key(row: Row) -> tuple[object, str]:
    return natural_key(row.names[0]), row.image


def _changed(image: str, before: tuple[Row, ...], after: tuple[Row, ...]) -> ImageChange:
    olds = {content_of(row): row for row in before}
    news = {content_of(row): row for row in after}
    fields: set[str] = set()
    objects: list[ObjectChange] = []
    for content in olds.keys() & news.keys():
        fields |= _differing(olds[content], news[content])
    # An image stands in a source twice now and then: rows that changed are paired in their order.
    left = [olds[content] for content in sorted(olds.keys() - news.keys())]
    came = [news[content] for content in sorted(news.keys() - olds.keys())]
    for old, new in zip(left, came, strict=False):
        fields |= _differing(old, new)
        objects += _object_changes(old.objects, new.objects)
    if len(left) != len(came):
        fields.add("times")
    is_same = not objects and not fields
    return ImageChange(
        image,
        before,
        after,
        tuple(objects),
        ("origins",) if is_same else tuple(name for name in _FIELDS if name in fields),
    )


def _differing(old: Row, new: Row) -> set[str]:
    return {name for name in _FIELDS if getattr(old, name) != getattr(new, name)}


def _object_changes(before: Sequence[RowObject], after: Sequence[RowObject]) -> list[ObjectChange]:
    olds, news = list(before), list(after)
    for each in before:
        if each in news:
            olds.remove(each)
            news.remove(each)
    pairs = sorted(
        (
            (-overlap, old.class_name != new.class_name, i, k)
            for i, old in enumerate(olds)
            for k, new in enumerate(news)
            if (overlap := iou(old.box_xyxy_px, new.box_xyxy_px)) >= _least(old, new)
        ),
    )
    found: list[ObjectChange] = []
    paired: dict[int, int] = {}
    for _, _, i, k in pairs:
        if i in paired or k in paired.values():
            continue
        paired[i] = k
        found.append(ObjectChange(_kind(olds[i], news[k]), olds[i], news[k]))
    found += [ObjectChange("removed", old, None) for i, old in enumerate(olds) if i not in paired]
    came = [new for k, new in enumerate(news) if k not in paired.values()]
    return found + [ObjectChange("added", None, new) for new in came]


def _least(old: RowObject, new: RowObject) -> float:
    return MIN_IOU_MOVED if old.class_name == new.class_name else MIN_IOU_CLASS


def _kind(old: RowObject, new: RowObject) -> Literal["moved", "class", "flags"]:
    if old.class_name != new.class_name:
        return "class"
    return "flags" if old.box_xyxy_px == new.box_xyxy_px else "moved"
