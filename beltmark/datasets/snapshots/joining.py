"""Joins a snapshot with more rows, shard by shard; what one shard becomes is left to `uniting`."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Final

from beltmark.contract.errors import InputError
from beltmark.datasets.snapshots.differences import summary
from beltmark.datasets.snapshots.manifest import SHARDS, Manifest, ShardEntry
from beltmark.datasets.snapshots.rows import Lines
from beltmark.datasets.snapshots.store import Store
from beltmark.datasets.snapshots.uniting import Conflict, Side, unite

_MOST_NAMED: Final = 10


@dataclass(frozen=True)
class Joined:
    """What came of joining.

    Attributes:
        shards: All shards, written.
        conflicts: The first images of which both sides say different things.
        contradicted: How many such images there are.
        new: How many images only the second side has.
    """

    shards: dict[str, ShardEntry]
    conflicts: tuple[Conflict, ...]
    contradicted: int
    new: int


def join(
    store: Store,
    before: Manifest,
    more: Callable[[str, Lines], Lines],
    prefer: Side | None,
    change: Callable[[Lines], Lines] | None = None,
) -> Joined:
    """Joins a snapshot with more rows.

    Args:
        store: Holds the snapshot, and gets the shards; those that stay as they are cost nothing.
        before: The snapshot.
        more: Gives the rows to add to a shard, for the shard and what is in it.
        prefer: Whose word counts; with None, shards are of no use where there are conflicts.
        change: What becomes of the snapshot's own rows first.
    """
    shards: dict[str, ShardEntry] = {}
    conflicts: list[Conflict] = []
    contradicted = new = 0
    for shard in SHARDS:
        there = store.lines(before, shard)
        ours = change(there) if change else there
        united = unite(ours, more(shard, ours), prefer, store.folder)
        conflicts += united.conflicts[: _MOST_NAMED - len(conflicts)]
        contradicted += len(united.conflicts)
        new += united.new
        if united.lines == there:
            if shard in before.shards:
                shards[shard] = before.shards[shard]
        elif united.lines:
            shards[shard] = store.write_shard(united.lines)
    return Joined(shards, tuple(conflicts), contradicted, new)


def by_shard(lines: Lines) -> dict[str, Lines]:
    """Returns rows by the shards that they belong to."""
    found: dict[str, dict[str, tuple[bytes, ...]]] = defaultdict(dict)
    for image, group in lines.items():
        found[image[:2]][image] = group
    return dict(found)


def contradiction(joined: Joined, how: str, file: str | PathLike[str]) -> InputError:
    """Returns the error that names the images of which two sides say different things.

    Args:
        joined: What came of joining them.
        how: What decides between them.
        file: What to name.
    """
    told = [
        f"{each.first[0].names[0]} ({summary(each.first, each.second)})"
        for each in joined.conflicts
    ]
    if joined.contradicted > len(told):
        told.append(f"and {joined.contradicted - len(told)} more")
    return InputError(
        f"{joined.contradicted} images are annotated differently on the two sides: "
        f"{'; '.join(told)}",
        f"correct them, or decide with {how}",
        file=file,
    )
