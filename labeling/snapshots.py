"""Makes a snapshot of settled tasks, with the lineage of each image: task, people, time."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.coco import dataset_of
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.label_studio.importing import ImportPlan, to_coco
from beltmark.datasets.label_studio.words import Row
from beltmark.datasets.snapshots.adding import Addition, add
from beltmark.datasets.snapshots.comparing import Comparison, compare_snapshots
from beltmark.datasets.snapshots.manifest import Source
from beltmark.datasets.snapshots.opening import Snapshot
from beltmark.datasets.snapshots.store import Store
from labeling.exporting import WHOLE_IMAGE
from labeling.settling import Rules, Settled

_AT_ONCE: Final = 500


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
    plan = ImportPlan(rules.where, folder, list(rules.categories), is_of_project=True)
    images: list[LabelledImage] = []
    digest, clipped = hashlib.sha256(), 0
    class_names: tuple[str, ...] = ()
    first: dict[str, int] = {}
    # Some at a time: as rows and regions they take many times what a dataset does.
    for start in range(0, len(settled), _AT_ONCE):
        group = settled[start : start + _AT_ONCE]
        document = _document(group, plan)
        _check_names(document, group, first, rules.where)
        content = json.dumps(document, sort_keys=True).encode()
        digest.update(content)
        part = dataset_of(
            document,
            folder / "annotations.json",
            sha256=sha256_of(content),
            folders=[folder],
            format_name="label_studio",
        )
        images += part.images
        clipped += part.clipped
        class_names = max(class_names, part.class_names, key=len)
    return Dataset(
        folder / "annotations.json",
        digest.hexdigest(),
        class_names,
        tuple(images),
        clipped,
        "label_studio",
    )


def _document(settled: Sequence[Settled], plan: ImportPlan) -> Row:
    tasks = [each.task for each in settled]
    document = to_coco(tasks, plan).document
    for row, task, each in zip(document["images"], tasks, settled, strict=True):
        lineage = {
            "task": str(each.id),
            "annotator": each.annotator,
            "annotated_at": task.works[0].as_of.isoformat(),
        }
        if each.agreed_by:
            lineage["agreed_by"] = ", ".join(each.agreed_by)[:1_000]
        row["attributes"] = {**row.get("attributes", {}), **lineage}
    _take_whole_images(document)
    return document


def _check_names(
    document: Row, settled: Sequence[Settled], first: dict[str, int], where: Path
) -> None:
    """Makes sure that no image comes twice, in whatever group."""
    for row, each in zip(document["images"], settled, strict=True):
        other = first.setdefault(row["file_name"], each.id)
        if other != each.id:
            raise InputError(
                f"is of the image that task {other} is of ({row['file_name']!r:.80})",
                "delete one of them",
                file=where,
                field=f"task {each.id}",
            )


def _take_whole_images(document: Row) -> None:
    """Turns boxes that stand for the class of their image into that, unless somebody moved them."""
    images = {row["id"]: row for row in document["images"]}
    kept = []
    for row in document["annotations"]:
        image = images[row["image_id"]]
        if row.get(WHOLE_IMAGE) and row["bbox"] == [0, 0, image["width"], image["height"]]:
            image["category_id"] = row["category_id"]
        else:
            kept.append(row)
    document["annotations"] = kept


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
