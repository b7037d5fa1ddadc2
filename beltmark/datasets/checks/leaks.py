"""Finds what is in two parts of a dataset at once, so that judging a model would flatter it. Pure.

Parts are what a split makes: train, validation, test.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from beltmark.datasets.checks.alike import Pair
from beltmark.datasets.checks.finding import Finding, Place
from beltmark.datasets.checks.scanning import Scanned
from beltmark.datasets.dataset import LabelledImage

GROUPS: Final = ("item", "session")
"""Attributes of which no value may be in two parts; scene and sequence likewise."""

_SHOWN: Final = 4


def group_leaks(
    images: Sequence[LabelledImage], names: Sequence[str], parts: Mapping[str, str]
) -> Iterator[Finding]:
    """Finds items, sessions, scenes and sequences that are in two parts.

    Args:
        images: All images.
        names: Their names.
        parts: The part of each image, by name.
    """
    members: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for image, file in zip(images, names, strict=True):
        if file in parts:
            for group in _groups_of(image):
                members[group][parts[file]].append(file)
    for (name, value), by_part in members.items():
        if len(by_part) > 1:
            counts = ", ".join(f"{len(by_part[part])} in {part}" for part in sorted(by_part))
            shown = [by_part[part][0] for part in sorted(by_part)][:_SHOWN]
            least = sum(sorted(map(len, by_part.values()))[:-1])
            yield Finding(
                "group-leak",
                f"{name} {value}: {counts}",
                tuple(Place(image) for image in shown),
                about=f"{name} {value}",
                score=least,
            )


def duplicates(
    scanned: Sequence[Scanned], pairs: Sequence[Pair], parts: Mapping[str, str]
) -> Iterator[Finding]:
    """Finds the same picture in two files, and in two parts.

    A picture that has several copies is told once for each of them, not for each pair.

    Args:
        scanned: All readable images.
        pairs: Those of them that are nearly the same, by index.
        parts: The part of each image, by name; empty if there are none.
    """
    first_of: dict[str, int] = {}
    leader = list(range(len(scanned)))
    same: list[Pair] = []
    for index, each in enumerate(scanned):
        first = first_of.setdefault(each.sha256, index)
        if first != index:
            same.append(Pair(first, index, 1.0, False))
    across = [pair for pair in (*same, *pairs) if _differ(scanned, pair, parts)]
    told: set[int] = set()
    for pair in sorted(across, key=lambda pair: -pair.correlation):
        # Which of the two is told is a matter of the part: what is in fewer images leaks.
        aside = _aside(scanned, pair, parts)
        if aside not in told:
            told.add(aside)
            yield _finding("duplicate-leak", scanned, pair, parts)
    for kind, found in (("exact-duplicate", same), ("near-duplicate", pairs)):
        for pair in sorted(found, key=lambda pair: -pair.correlation):
            if _joined(leader, pair) and not _differ(scanned, pair, parts):
                yield _finding(kind, scanned, pair, parts)


def _groups_of(image: LabelledImage) -> Iterator[tuple[str, str]]:
    for group in GROUPS:
        if image.attributes.get(group):
            yield group, image.attributes[group]
    yield "scene", image.scene
    if image.sequence != image.scene:
        yield "sequence", image.sequence


def _differ(scanned: Sequence[Scanned], pair: Pair, parts: Mapping[str, str]) -> bool:
    first, second = (parts.get(scanned[index].name) for index in (pair.first, pair.second))
    return first is not None and second is not None and first != second


def _aside(scanned: Sequence[Scanned], pair: Pair, parts: Mapping[str, str]) -> int:
    """The one of the two that is not for training."""
    return pair.first if parts[scanned[pair.second].name] == "train" else pair.second


def _joined(leader: list[int], pair: Pair) -> bool:
    """Joins the groups of two pictures; returns whether they were apart."""
    ends = []
    for index in (pair.first, pair.second):
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]  # noqa: PLW2901 - the way to the group's first
        ends.append(index)
    leader[max(ends)] = min(ends)
    return ends[0] != ends[1]


def _finding(
    kind: str, scanned: Sequence[Scanned], pair: Pair, parts: Mapping[str, str]
) -> Finding:
    first, second = scanned[pair.first], scanned[pair.second]
    how = "same content" if first.sha256 == second.sha256 else f"correlation {pair.correlation:.3f}"
    mirrored = ", mirrored" if pair.is_mirrored else ""
    where = ""
    if kind == "duplicate-leak":
        where = f", in {parts[first.name]} and {parts[second.name]}"
    places = tuple(sorted((Place(first.name), Place(second.name)), key=lambda each: each.image))
    return Finding(kind, f"{how}{mirrored}{where}", places, score=pair.correlation)
