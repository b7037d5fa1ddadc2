"""Splits a dataset by scene, never by frame: frames of one scene are too much alike.

Which scenes go where is named, drawn from a seed, or told by the dataset itself; other groups, even
shares of classes and split files are left to `split_file`, reading to the readers.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.parts import PARTS, SPLIT


@dataclass(frozen=True)
class Split:
    """The images to learn from, to choose by, and to be judged by; no group is in two of them.

    Attributes:
        train: To learn from.
        validation: To choose by; may be empty.
        test: To be judged by.
        sha256: Digest of the split file, where one says which is which.
    """

    train: tuple[LabelledImage, ...]
    validation: tuple[LabelledImage, ...]
    test: tuple[LabelledImage, ...]
    sha256: str | None = None


def split_by_scene(
    dataset: Dataset, validation_scenes: Collection[str], test_scenes: Collection[str]
) -> Split:
    """Puts the named scenes aside; all others are for training.

    Raises:
        InputError: A scene that does not exist, is named twice, or nothing is left to learn from.
    """
    known = {image.scene for image in dataset.images}
    for name, scenes in (("validation_scenes", validation_scenes), ("test_scenes", test_scenes)):
        for scene in scenes:
            if scene not in known:
                raise InputError(
                    f"no scene {scene!r} (known: {', '.join(sorted(known)[:20])})",
                    "name scenes of the dataset",
                    file=dataset.path,
                    field=name,
                )
    both = set(validation_scenes) & set(test_scenes)
    if both:
        raise InputError(
            f"scene {min(both)!r} is named for validation and for test",
            "a scene can serve one of them",
            file=dataset.path,
            field="test_scenes",
        )
    aside = {*validation_scenes, *test_scenes}
    split = Split(
        select_scenes(dataset.images, known - aside),
        select_scenes(dataset.images, validation_scenes),
        select_scenes(dataset.images, test_scenes),
    )
    if not split.train:
        raise InputError(
            "no scene is left to learn from", "put fewer scenes aside", file=dataset.path
        )
    return split


def split_as_told(dataset: Dataset) -> Split:
    """Returns the parts that the dataset came in.

    Where it has a training part and one other, that one judges, whatever it is called.

    Raises:
        InputError: It does not say of every image which part it is of, or has no two parts.
    """
    parts: dict[str, list[LabelledImage]] = {name: [] for name in dict.fromkeys(PARTS.values())}
    untold: list[LabelledImage] = []
    for image in dataset.images:
        parts.get(image.attributes.get(SPLIT, ""), untold).append(image)
    train, validation, test = (tuple(images) for images in parts.values())
    if not test:
        validation, test = (), validation
    if not (train and test):
        there = ", ".join(name for name, images in parts.items() if images) or "none"
        raise InputError(
            f"does not come in parts for training and test (it has: {there})",
            "have it split by shares instead: validation_share and test_share",
            file=dataset.path,
            field="own_parts",
        )
    if untold:
        raise InputError(
            f"{len(untold)} of {len(dataset.images)} images are of no part "
            f"(the first: {untold[0].path.name})",
            f"put them into one of {', '.join(parts)}",
            file=dataset.path,
            field="own_parts",
        )
    return Split(train, validation, test)


def draw_scenes(
    images: Sequence[LabelledImage], shares: Sequence[float], seed: int
) -> tuple[frozenset[str], ...]:
    """Draws scenes for each of the given shares of all scenes, the same ones for the same seed.

    A scene's place in the draw depends on its name and the seed alone, so that a dataset that
    grows keeps its old scenes in about the same part.
    """
    scenes = sorted({image.scene for image in images}, key=lambda scene: _draw(scene, seed))
    parts = []
    start = 0
    for share in shares:
        end = start + round(share * len(scenes))
        parts.append(frozenset(scenes[start:end]))
        start = end
    return tuple(parts)


def select_scenes(
    images: Sequence[LabelledImage], scenes: Collection[str]
) -> tuple[LabelledImage, ...]:
    """Returns the images of these scenes, in their order."""
    return tuple(image for image in images if image.scene in scenes)


def _draw(scene: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{scene}".encode()).digest()
