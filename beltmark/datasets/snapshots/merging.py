"""Merges two snapshots, be they of one store or of two; or makes one anew, with other classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from beltmark.contract.errors import InputError
from beltmark.datasets.snapshots.classes import class_names_of
from beltmark.datasets.snapshots.joining import contradiction, join
from beltmark.datasets.snapshots.locking import while_adding
from beltmark.datasets.snapshots.manifest import Derivation
from beltmark.datasets.snapshots.objects import (
    Keep,
    Progress,
    has_object,
    no_progress,
    object_path,
    take_files,
)
from beltmark.datasets.snapshots.opening import Snapshot
from beltmark.datasets.snapshots.recording import make_manifest, record, tool_versions
from beltmark.datasets.snapshots.rows import Lines
from beltmark.datasets.snapshots.store import Store, check_name
from beltmark.datasets.snapshots.uniting import Side, renamed, without


@dataclass(frozen=True)
class Merging:
    """How to merge.

    Attributes:
        by: Who does it.
        at: When.
        name: What to call the snapshot.
        prefer: Whose word counts where an image is told differently; None refuses.
        class_of: What each class of both is to be called; None leaves them.
        keep: How image files come from the second's store into the first's, if that is another.
    """

    by: str
    at: datetime
    name: str | None = None
    prefer: Side | None = None
    class_of: Mapping[str, str] | None = None
    keep: Keep = "copy"


@dataclass(frozen=True)
class Merged:
    """What came of it: digest, images in all, of which only the second had some; images told
    differently; images left out because they had to be forgotten."""

    digest: str
    images: int
    added: int
    contradicted: int
    left_out: int


def merge(
    first: Snapshot, second: Snapshot | None, merging: Merging, progress: Progress = no_progress
) -> Merged:
    """Merges the second snapshot into the first's store; images that were forgotten are left out.

    Without a second one, the first is made anew.

    Raises:
        InputError: They contradict each other, or the name is taken.
        OSError: The disk is full.
    """
    if merging.name is not None:
        check_name(merging.name)
    store, sides = first.store, [first, *([second] if second else [])]
    names = {name for side in sides for name in side.manifest.class_names}
    class_of = class_names_of(sorted(names), merging.class_of, store.folder)
    left_out: set[str] = set()

    with while_adding(store):
        forgotten = set().union(*(side.store.tombstones() for side in sides))

        def changed(lines: Lines) -> Lines:
            left_out.update(forgotten & lines.keys())
            kept = without(lines, forgotten)
            return renamed(kept, class_of, store.folder) if merging.class_of else kept

        def more(shard: str, there: Lines) -> Lines:
            return changed(second.store.lines(second.manifest, shard)) if second else {}

        joined = join(store, first.manifest, more, merging.prefer, changed)
        if joined.contradicted and merging.prefer is None:
            raise contradiction(joined, "--prefer and one of the two", store.folder)
        if second:
            _take_over(store, second, forgotten, merging.keep, progress)
        sources = {key: value for side in sides for key, value in side.manifest.sources.items()}
        made = make_manifest(store, class_of.values(), sources, joined.shards)

        def derive(digest: str) -> Derivation:
            preferred = second if merging.prefer == "second" else first
            return Derivation(
                snapshot=digest,
                action="merge",
                at=merging.at,
                by=merging.by,
                parents=tuple(sorted({side.digest for side in sides})),
                tools=tool_versions(),
                classes={old: new for old, new in class_of.items() if old != new},
                prefer=preferred.digest if merging.prefer and preferred else None,
            )

        digest = record(store, made, derive, merging.name)
    return Merged(digest, made.images, joined.new, joined.contradicted, len(left_out))


def _take_over(
    store: Store, other: Snapshot, forgotten: set[str], keep: Keep, progress: Progress
) -> None:
    """Brings a snapshot's image files and lineage from another store into this one."""
    if other.store.folder.resolve() == store.folder.resolve():
        return
    rows = [
        row
        for row in other.rows()
        if row.image not in forgotten and not has_object(store, row.image, row.size_bytes)
    ]
    paths = [object_path(other.store, row.image) for row in rows]
    taken = take_files(store, paths, keep, forgotten, progress=progress)
    for row, path, file in zip(rows, paths, taken, strict=True):
        if file is None or file.sha256 != row.image:
            raise InputError(
                f"is damaged: it is not the {row.names[0]} that was added",
                "take it from a backup; `beltmark-train data verify` names all damage",
                file=path,
            )
    _take_lineage(store, other)


def _take_lineage(store: Store, other: Snapshot) -> None:
    waiting, seen = [other.digest], set[str]()
    while waiting:
        digest = waiting.pop()
        if digest in seen:
            continue
        seen.add(digest)
        for derivation in other.store.derivations(digest):
            store.keep_derivation(derivation)
            waiting += derivation.parents
