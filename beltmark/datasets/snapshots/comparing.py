"""Compares two snapshots, shard by shard; shards with the same digest are not read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from beltmark.datasets.snapshots.differences import (
    Difference,
    as_json,
    class_counts,
    compare,
    count_change,
    in_order,
)
from beltmark.datasets.snapshots.manifest import SHARDS, Source
from beltmark.datasets.snapshots.opening import Snapshot


@dataclass(frozen=True)
class Comparison:
    """What differs between two snapshots; false if nothing does.

    Attributes:
        before: Digest of the first.
        after: Digest of the second.
        difference: Of their images.
        counts: For each class whose count differs: boxes and whole images before, and after.
        new_classes: Classes that only the second has.
        gone_classes: Classes that only the first has.
        new_sources: Sources that only the second has.
        gone_sources: Sources that only the first has.
    """

    before: str
    after: str
    difference: Difference
    counts: dict[str, tuple[int, int]]
    new_classes: tuple[str, ...]
    gone_classes: tuple[str, ...]
    new_sources: tuple[Source, ...]
    gone_sources: tuple[Source, ...]

    def __bool__(self) -> bool:
        return self.before != self.after

    def as_json(self) -> dict[str, Any]:
        """Returns all of it for programs."""
        return {
            "before": self.before,
            "after": self.after,
            "added": [_row_json(row.image, row.names) for row in self.difference.added],
            "removed": [_row_json(row.image, row.names) for row in self.difference.removed],
            "changed": [as_json(each) for each in self.difference.changed],
            "counts": {
                name: {"before": before, "after": after}
                for name, (before, after) in self.counts.items()
            },
            "classes": {"added": self.new_classes, "removed": self.gone_classes},
            "sources": {
                "added": [source.model_dump(mode="json") for source in self.new_sources],
                "removed": [source.model_dump(mode="json") for source in self.gone_sources],
            },
        }


def compare_snapshots(first: Snapshot, second: Snapshot) -> Comparison:
    """Compares two snapshots, be they of one store or of two.

    Raises:
        InputError: A store is damaged.
    """
    difference = in_order(sum(_by_shard(first, second), Difference()))
    change = count_change(difference)
    before = class_counts(first.rows()) if change else {}
    a, b = first.manifest, second.manifest
    return Comparison(
        first.digest,
        second.digest,
        difference,
        {
            name: (before.get(name, 0), before.get(name, 0) + by)
            for name, by in sorted(change.items())
        },
        tuple(name for name in b.class_names if name not in a.class_names),
        tuple(name for name in a.class_names if name not in b.class_names),
        tuple(source for key, source in b.sources.items() if key not in a.sources),
        tuple(source for key, source in a.sources.items() if key not in b.sources),
    )


def _by_shard(first: Snapshot, second: Snapshot) -> Iterator[Difference]:
    for shard in SHARDS:
        entries = (first.manifest.shards.get(shard), second.manifest.shards.get(shard))
        if entries[0] != entries[1]:
            yield compare(
                first.store.lines(first.manifest, shard),
                second.store.lines(second.manifest, shard),
                second.store.folder,
            )


def _row_json(image: str, names: tuple[str, ...]) -> dict[str, Any]:
    return {"image": image, "names": names}
