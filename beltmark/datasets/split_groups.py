"""Joins the images of a dataset that must stay together in a split: same scene, session, item, ...

Pure. Which part a group goes to is left to `split_draw`.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset, LabelledImage

TIME = "time"
CAPTURED_AT = "captured_at"
ITEM = "item"


@dataclass(frozen=True)
class Group:
    """Images that stay together.

    Attributes:
        key: The first thing that they share, such as `scene=5`; the image's own key where it
            shares nothing.
        images: Indices into the dataset's images, rising.
    """

    key: str
    images: tuple[int, ...]


@dataclass(frozen=True)
class Grouping:
    """All images of a dataset in groups.

    Attributes:
        groups: In the order of their first image.
        untold: By attribute, how many images do not tell it: each shares it with no other.
    """

    groups: tuple[Group, ...]
    untold: dict[str, int]


def image_key(dataset: Dataset, image: LabelledImage) -> str:
    """Names an image by its path within the dataset, which stays when that moves or grows."""
    for root in (dataset.path, dataset.path.parent):
        if image.path.is_relative_to(root):
            return image.path.relative_to(root).as_posix()
    return Path(os.path.relpath(image.path, dataset.path.parent)).as_posix()


def group_images(
    dataset: Dataset, by: Sequence[str], *, items: bool, alike: Sequence[tuple[int, int]] = ()
) -> Grouping:
    """Joins images that share any of the named attributes.

    Args:
        dataset: What to group.
        by: `scene`, `sequence`, `time` (the day of `captured_at`), or attributes of images.
        items: Also join images that show the same item: the attribute `item`, and track ids.
        alike: Pairs of images, by index, that are to stay together for what they look like.

    Raises:
        InputError: No image tells an attribute, or a time is none.
    """
    names = tuple(dict.fromkeys((*by, ITEM) if items else by))
    keys: list[list[str]] = [[] for _ in dataset.images]
    untold = {}
    for name in names:
        values = [_value(dataset, image, name) for image in dataset.images]
        for image_keys, value in zip(keys, values, strict=True):
            if value is not None:
                image_keys.append(f"{name}={value}")
        missing = values.count(None)
        if name in by and not (name == ITEM and _tracks_told(dataset)):
            if missing == len(values):
                raise InputError(
                    f"no image tells its {CAPTURED_AT if name == TIME else name}",
                    f"group by one of {', '.join(attribute_names(dataset))}",
                    file=dataset.path,
                )
            if missing:
                untold[name] = missing
    if ITEM in names:
        for image_keys, tracks in zip(keys, _tracks(dataset.images), strict=True):
            image_keys.extend(tracks)
    for one, other in alike:
        name = f"alike={image_key(dataset, dataset.images[one])}"
        keys[one].append(name)
        keys[other].append(name)
    # A file that is listed twice is one image.
    for image_keys, image in zip(keys, dataset.images, strict=True):
        image_keys.append(image_key(dataset, image))
    return Grouping(tuple(_joined(keys)), untold)


def attribute_names(dataset: Dataset) -> list[str]:
    """Returns what the dataset's images can be grouped by, sorted."""
    names = {name for image in dataset.images for name in image.attributes}
    return sorted(names | {"scene", "sequence"} | ({TIME} if CAPTURED_AT in names else set()))


def captured_at(dataset: Dataset, image: LabelledImage) -> datetime | None:
    """Returns when an image was taken; a time without zone counts as UTC.

    Raises:
        InputError: It is no ISO 8601 time.
    """
    told = image.attributes.get(CAPTURED_AT)
    if told is None:
        return None
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        raise InputError(
            f"{told[:60]!r} of {image_key(dataset, image)} is no time",
            "write it like 2026-05-31T14:00:00",
            file=dataset.path,
            field=CAPTURED_AT,
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _value(dataset: Dataset, image: LabelledImage, name: str) -> str | None:
    match name:
        case "scene":
            return image.scene
        case "sequence":
            return image.sequence
        case "time":
            moment = captured_at(dataset, image)
            return None if moment is None else moment.date().isoformat()
        case _:
            return image.attributes.get(name)


def _tracks_told(dataset: Dataset) -> bool:
    return any(item.track_id is not None for image in dataset.images for item in image.objects)


def _tracks(images: Sequence[LabelledImage]) -> list[list[str]]:
    """Returns the track ids seen in each image, as keys that name one item each.

    Some tools number items once for the whole dataset, others anew in every sequence. An id with
    two classes shows the latter; then it names an item only together with its sequence. Without
    such a proof ids are taken to be the dataset's: items are rather joined than torn apart.
    """
    classes: dict[int, set[int]] = defaultdict(set)
    for image in images:
        for item in image.objects:
            if item.track_id is not None:
                classes[item.track_id].add(item.class_index)
    anew = any(len(seen) > 1 for seen in classes.values())
    return [
        [
            f"track={image.sequence}/{item.track_id}" if anew else f"track={item.track_id}"
            for item in image.objects
            if item.track_id is not None
        ]
        for image in images
    ]


def _joined(keys: Sequence[Sequence[str]]) -> Iterator[Group]:
    """Joins rows that share a key, directly or through others (union-find)."""
    parent = list(range(len(keys)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[str, int] = {}
    for index, row in enumerate(keys):
        for key in row:
            one, other = root(first.setdefault(key, index)), root(index)
            parent[max(one, other)] = min(one, other)
    members: dict[int, list[int]] = defaultdict(list)
    for index in range(len(keys)):
        members[root(index)].append(index)
    for images in members.values():
        yield Group(_name(keys[index] for index in images), tuple(images))


def _name(rows: Iterable[Sequence[str]]) -> str:
    """Returns the key that most of the rows share; of several, that of the first attribute."""
    count: Counter[str] = Counter()
    place: dict[str, int] = {}
    for row in rows:
        count.update(set(row))
        for position, key in enumerate(row):
            place[key] = min(position, place.get(key, position))
    return min(count, key=lambda key: (-count[key], place[key], key))
