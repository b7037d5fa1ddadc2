"""Makes a snapshot of settled tasks, with the lineage of each image: task, people, time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from beltmark.contract.documents import sha256_of
from beltmark.datasets.coco import dataset_of
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.label_studio.importing import ImportPlan, to_coco
from beltmark.datasets.snapshots.adding import Addition, add
from beltmark.datasets.snapshots.comparing import Comparison, compare_snapshots
from beltmark.datasets.snapshots.manifest import Source
from beltmark.datasets.snapshots.opening import Snapshot
from beltmark.datasets.snapshots.store import Store
from labeling.settling import Rules, Settled


@dataclass(frozen=True)
class Taken:
    """A snapshot that was made.

    Attributes:
        digest: Its digest.
        images: How many it holds.
        change: What differs from the one before; None if there was none.
    """

    digest: str
    images: int
    change: Comparison | None


@dataclass(frozen=True)
class Terms:
    """Where the images came from, and who makes a snapshot of them.

    Attributes:
        source: What may be done with them.
        name: What to call the snapshot; it moves on from the one of that name.
        by: Who makes it.
        at: When.
    """

    source: Source
    name: str
    by: str
    at: datetime


def dataset_from(settled: Sequence[Settled], rules: Rules, folder: Path) -> Dataset:
    """Returns the dataset of settled tasks, whose images lie in a folder.

    Each image tells among its attributes: `task`, `annotator`, `agreed_by`, `annotated_at`.

    Raises:
        InputError: Two tasks are of one image file.
    """
    plan = ImportPlan(rules.where, folder, list(rules.categories))
    document = to_coco([each.task for each in settled], plan).document
    for row, each in zip(document["images"], settled, strict=True):
        lineage = {
            "task": str(each.id),
            "annotator": each.annotator,
            "annotated_at": each.task.works[0].as_of.isoformat(),
        }
        if each.agreed_by:
            lineage["agreed_by"] = ", ".join(each.agreed_by)[:1_000]
        row["attributes"] = {**row.get("attributes", {}), **lineage}
    content = json.dumps(document, sort_keys=True).encode()
    return dataset_of(
        document,
        folder / "annotations.json",
        sha256=sha256_of(content),
        folders=[folder],
        format_name="label_studio",
    )


def take_snapshot(store: Store, dataset: Dataset, terms: Terms) -> Taken:
    """Adds a dataset to the snapshot of its name: what is newly annotated counts.

    Raises:
        InputError: See `snapshots.adding.add`.
    """
    before = store.names().get(terms.name)
    added = add(
        store,
        dataset,
        Addition(
            terms.source,
            terms.by,
            terms.at,
            name=terms.name,
            parent=before,
            prefer=None if before is None else "second",
        ),
    )
    change = None
    if before is not None:
        change = compare_snapshots(
            Snapshot(store, before, store.manifest(before)),
            Snapshot(store, added.digest, store.manifest(added.digest)),
        )
    return Taken(added.digest, added.images, change)
