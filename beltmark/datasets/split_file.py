"""A split as a file: which images are for what, why, and how that is held against a dataset.

Making one is left to `split_making`, grouping to `split_groups`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from beltmark.contract.documents import (
    Document,
    read_bytes,
    read_document,
    sha256_of,
    write_document,
)
from beltmark.contract.errors import InputError
from beltmark.contract.package import Sha256
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.split import Split
from beltmark.datasets.split_groups import (
    Group,
    group_images,
    image_key,
)

MAX_SPLIT_BYTES = 512 * 1024 * 1024
TRAIN, VALIDATION, TEST = "train", "validation", "test"

Name = Annotated[str, Field(min_length=1, max_length=200)]
PartName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9\-]{0,31}$")]


class SplitSettings(Document):
    """How a split was asked for.

    Attributes:
        by: What images of one group share.
        items: Images of one item were kept together too.
        seed: Of the draw.
        fixed_sha256: Of the earlier split whose images stayed in their parts.
    """

    by: tuple[Name, ...] = Field(min_length=1, max_length=16)
    items: bool = True
    seed: int = Field(default=0, ge=0)
    fixed_sha256: Sha256 | None = None


class SplitPart(Document):
    """One part.

    Attributes:
        name: `train`, `validation`, `test`, or `fold-0` and so on.
        share: What was asked for, of all images and of each class.
        groups: By the group's key, the keys of its images.
    """

    name: PartName
    share: float = Field(gt=0, lt=1)
    groups: Mapping[str, tuple[str, ...]]


class SplitDocument(Document):
    """A split file: no image and no group is in two parts."""

    format_version: Literal[1] = 1
    dataset: str
    dataset_sha256: Sha256
    settings: SplitSettings
    parts: tuple[SplitPart, ...] = Field(min_length=2, max_length=100)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        for told, names in (
            ("part", [[part.name] for part in self.parts]),
            ("group", [list(part.groups) for part in self.parts]),
            ("image", [[i for g in part.groups.values() for i in g] for part in self.parts]),
        ):
            seen: set[str] = set()
            for name in (name for part in names for name in part):
                if name in seen:
                    raise ValueError(f"{told} {name!r} is there twice")
                seen.add(name)
        return self

    @property
    def folds(self) -> int:
        """How many folds it has; 0 where its parts are train, validation and test."""
        return sum(part.name.startswith("fold-") for part in self.parts)


@dataclass(frozen=True)
class SplitFile:
    """A split file with where it lies and its digest."""

    path: Path
    sha256: str
    document: SplitDocument


def write_split(path: Path, document: SplitDocument) -> SplitFile:
    """Writes a split file, whole or not at all, and reads it back."""
    write_document(path, document)
    return read_split(path)


def read_split(path: Path) -> SplitFile:
    """Reads a split file.

    Raises:
        InputError: Missing, malformed, or an image or group is in two parts.
    """
    document = read_document(path, SplitDocument, limit=MAX_SPLIT_BYTES)
    return SplitFile(path, sha256_of(read_bytes(path, limit=MAX_SPLIT_BYTES)), document)


def apply_split(dataset: Dataset, split: SplitFile) -> dict[str, tuple[LabelledImage, ...]]:
    """Returns the dataset's images by part, in the dataset's order.

    Images that the split names and the dataset no longer has are left out.

    Raises:
        InputError: The dataset has images that no part has, or groups that lie in two parts.
    """
    part_of = part_of_image(split.document)
    keys = [image_key(dataset, image) for image in dataset.images]
    new = [key for key in keys if key not in part_of]
    if new:
        raise InputError(
            f"{len(new)} of {len(keys)} images of {dataset.path} are in no part "
            f"(the first: {new[0]})",
            f"draw it anew with `data split --fixed {split.path}`, which leaves the others",
            file=split.path,
        )
    settings = split.document.settings
    grouping = group_images(dataset, settings.by, items=settings.items)
    for group in grouping.groups:
        seen: dict[str, str] = {}
        for index in group.images:
            seen.setdefault(part_of[keys[index]], keys[index])
        if len(seen) > 1:
            raise torn(group, seen, split.path, "draw the split anew, or correct the dataset")
    images: dict[str, list[LabelledImage]] = {part.name: [] for part in split.document.parts}
    for key, image in zip(keys, dataset.images, strict=True):
        images[part_of[key]].append(image)
    return {name: tuple(listed) for name, listed in images.items()}


def split_by_file(dataset: Dataset, split: SplitFile, fold: int | None = None) -> Split:
    """Returns what to learn from, to choose by and to be judged by.

    Of k folds, `fold` judges, the next one chooses where there are three or more, the others teach.

    Raises:
        InputError: Split, dataset and fold do not fit each other, or a part is empty.
    """
    parts = apply_split(dataset, split)
    folds = split.document.folds
    if (fold is None) == bool(folds) or (fold is not None and fold >= folds):
        told = f"has {folds} folds" if folds else "has no folds"
        mend = f"name one of them: fold = 0 to {folds - 1}" if folds else "leave fold out"
        raise InputError(f"{told}, and fold is {fold}", mend, file=split.path)
    if fold is None:
        made = Split(
            parts.get(TRAIN, ()), parts.get(VALIDATION, ()), parts.get(TEST, ()), split.sha256
        )
    else:
        chosen = (fold + 1) % folds if folds > 2 else None
        others = [n for n in range(folds) if n not in (fold, chosen)]
        made = Split(
            tuple(image for n in others for image in parts[f"fold-{n}"]),
            () if chosen is None else parts[f"fold-{chosen}"],
            parts[f"fold-{fold}"],
            split.sha256,
        )
    if not (made.train and made.test):
        raise InputError(
            "leaves no image of this dataset to learn from, or none to be judged by",
            "is it the split of this dataset?",
            file=split.path,
        )
    return made


def part_of_image(document: SplitDocument) -> dict[str, str]:
    """Returns the name of each image's part, by the image's key."""
    return {
        image: part.name
        for part in document.parts
        for images in part.groups.values()
        for image in images
    }


def torn(group: Group, seen: Mapping[str, str], path: Path, mend: str) -> InputError:
    """Tells of a group that lies in two parts: `seen` has an image of each, by its name."""
    (one, image), (other, another) = list(seen.items())[:2]
    return InputError(
        f"group {group.key} lies in two parts: {image} in {one}, {another} in {other}",
        mend,
        file=path,
    )
