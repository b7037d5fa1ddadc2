"""Tells what a snapshot holds and how it came to be; how that is shown is left to commands."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from beltmark.datasets.snapshots.differences import class_counts
from beltmark.datasets.snapshots.forgetting import past_retention
from beltmark.datasets.snapshots.manifest import Derivation, Source
from beltmark.datasets.snapshots.opening import Snapshot
from beltmark.datasets.snapshots.store import Store


@dataclass(frozen=True)
class SourceTold:
    """A source, how many images are from it, and whether its time is over."""

    source: Source
    images: int
    is_over: bool


@dataclass(frozen=True)
class Ancestor:
    """A snapshot in the lineage: how many steps back, and how it came to be.

    A snapshot that was told of before, on another way, is told without its derivations.
    """

    depth: int
    digest: str
    derivations: tuple[Derivation, ...]


@dataclass(frozen=True)
class Description:
    """What a snapshot holds and how it came to be.

    Attributes:
        digest: Its digest.
        names: What it is called.
        images: How many images a dataset of it has.
        files: How many image files these are.
        size_bytes: Size of these files.
        boxes: How many boxes there are.
        classes: For each class, how many boxes and whole images.
        scenes: How many scenes there are.
        sources: Where the images are from.
        lineage: How it came to be, itself first, then its parents.
        past_retention: Images whose time is over.
        forgotten: Images that are gone.
    """

    digest: str
    names: tuple[str, ...]
    images: int
    files: int
    size_bytes: int
    boxes: int
    classes: dict[str, int]
    scenes: int
    sources: tuple[SourceTold, ...]
    lineage: tuple[Ancestor, ...]
    past_retention: tuple[str, ...]
    forgotten: tuple[str, ...]


def describe(snapshot: Snapshot, today: date) -> Description:
    """Describes a snapshot; `today` decides whose time is over.

    Raises:
        InputError: The store is damaged.
    """
    store, manifest = snapshot.store, snapshot.manifest
    counts: Counter[str] = Counter()
    per_source: Counter[str] = Counter()
    sizes: dict[str, int] = {}
    scenes: set[str] = set()
    images = boxes = 0
    for row in snapshot.rows():
        counts.update(class_counts([row]))
        per_source.update({source for source, _ in row.origins})
        sizes[row.image] = row.size_bytes
        scenes.add(row.names[0] if row.scene is None else row.scene)
        images += row.times
        boxes += row.times * len(row.objects)
    return Description(
        snapshot.digest,
        tuple(name for name, digest in store.names().items() if digest == snapshot.digest),
        images,
        len(sizes),
        sum(sizes.values()),
        boxes,
        {name: counts[name] for name in manifest.class_names},
        len(scenes),
        tuple(
            SourceTold(source, per_source[key], source.is_over(today))
            for key, source in manifest.sources.items()
        ),
        lineage(store, snapshot.digest),
        past_retention(snapshot, today),
        tuple(sorted(store.tombstones().keys() & sizes.keys())),
    )


def lineage(store: Store, digest: str) -> tuple[Ancestor, ...]:
    """Returns a snapshot and all that it was made from, each below what was made from it."""
    found: list[Ancestor] = []
    seen: set[str] = set()
    waiting = [(0, digest)]
    while waiting:
        depth, each = waiting.pop()
        derivations = () if each in seen else store.derivations(each)
        found.append(Ancestor(depth, each, derivations))
        seen.add(each)
        parents = {parent for derivation in derivations for parent in derivation.parents}
        waiting += [(depth + 1, parent) for parent in sorted(parents, reverse=True)]
    return tuple(found)
