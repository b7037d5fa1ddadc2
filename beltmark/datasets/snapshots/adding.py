"""Adds a dataset to a store: its images, and a snapshot of what is said of them.

Reading the dataset is left to `beltmark.datasets.opening`, joining rows to `uniting`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from beltmark.datasets.dataset import Dataset
from beltmark.datasets.snapshots.classes import class_names_of
from beltmark.datasets.snapshots.converting import lines_of
from beltmark.datasets.snapshots.joining import by_shard, contradiction, join
from beltmark.datasets.snapshots.locking import while_adding
from beltmark.datasets.snapshots.manifest import EMPTY, Derivation, Source, SourceUse
from beltmark.datasets.snapshots.objects import Keep, Progress, no_progress, take_files
from beltmark.datasets.snapshots.recording import make_manifest, record, tool_versions
from beltmark.datasets.snapshots.store import Store, check_name
from beltmark.datasets.snapshots.uniting import Side, keep_told


@dataclass(frozen=True)
class Addition:
    """What to add, and how.

    Attributes:
        source: Where the dataset is from, and what may be done with it.
        by: Who adds it.
        at: When.
        name: What to call the snapshot.
        parent: The snapshot to add to; None to begin a new one.
        prefer: Whose word counts where an image is told differently: `first` is the parent's,
            `second` the dataset's; None refuses.
        class_of: What each class is to be called; None leaves them.
        keep: How image files come into the store.
    """

    source: Source
    by: str
    at: datetime
    name: str | None = None
    parent: str | None = None
    prefer: Side | None = None
    class_of: Mapping[str, str] | None = None
    keep: Keep = "copy"


@dataclass(frozen=True)
class Added:
    """What came of it.

    Attributes:
        digest: Of the snapshot.
        images: How many it holds.
        added: How many of them its parent did not have.
        hashed: How many files were read; the index knew the others.
        stored: How many files the store did not have.
        left_out: Images that were forgotten and do not come back.
        replaced: Of how many images one side's word was dropped.
        has_older_terms: Images that the same source told before keep the licence and retention
            that they came with.
    """

    digest: str
    images: int
    added: int
    hashed: int
    stored: int
    left_out: int
    replaced: int
    has_older_terms: bool


def add(
    store: Store,
    dataset: Dataset,
    addition: Addition,
    progress: Progress = no_progress,
    workers: int = 8,
) -> Added:
    """Adds a dataset and makes a snapshot.

    Raises:
        InputError: An image is missing, contradicts the parent, or the name is taken.
        OSError: The disk is full; what was written so far serves the next try.
    """
    if addition.name is not None:
        check_name(addition.name)
    source = addition.source
    class_of = class_names_of(dataset.class_names, addition.class_of, dataset.path)
    with while_adding(store):
        parent = None if addition.parent is None else store.find(addition.parent)
        before = EMPTY if parent is None else store.manifest(parent)
        paths = [image.path for image in dataset.images]
        files = take_files(
            store, paths, addition.keep, store.tombstones(), progress=progress, workers=workers
        )
        told = [None if file is None else (file.sha256, file.size_bytes) for file in files]
        ours = by_shard(lines_of(dataset, told, source.id, class_of))
        same_place = frozenset(
            each.id for each in before.sources.values() if each.is_same_place(source)
        )
        joined = join(
            store,
            before,
            lambda shard, there: keep_told(ours.get(shard, {}), there, same_place),
            addition.prefer,
        )
        if joined.contradicted and addition.prefer is None:
            raise contradiction(joined, "--prefer parent or --prefer new", dataset.path)
        made = make_manifest(
            store,
            {*before.class_names, *class_of.values()},
            {**before.sources, source.id: source},
            joined.shards,
        )

        def derive(digest: str) -> Derivation:
            return Derivation(
                snapshot=digest,
                action="add",
                at=addition.at,
                by=addition.by,
                parents=() if parent is None else (parent,),
                read=(SourceUse(source=source.id, annotations_sha256=dataset.sha256),),
                tools=tool_versions(),
                classes={old: new for old, new in class_of.items() if old != new},
                prefer={"first": "parent", "second": "new", None: None}[addition.prefer],
            )

        digest = record(store, made, derive, addition.name)
    there = [file for file in files if file is not None]
    return Added(
        digest,
        made.images,
        joined.new,
        sum(file.was_read for file in there),
        len({file.sha256 for file in there if file.is_new}),
        len(files) - len(there),
        joined.contradicted,
        bool(same_place - {source.id}),
    )
