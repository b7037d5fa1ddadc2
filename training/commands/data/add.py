"""`beltmark-train data add`: makes a snapshot of a dataset."""

import argparse
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from beltmark.command import whole
from beltmark.contract.documents import parse
from beltmark.contract.errors import InputError
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.snapshots.adding import Addition
from beltmark.datasets.snapshots.adding import add as add_dataset
from beltmark.datasets.snapshots.classes import read_class_map
from beltmark.datasets.snapshots.manifest import Source
from beltmark.datasets.snapshots.opening import find_snapshot, is_snapshot
from beltmark.datasets.snapshots.store import Store
from beltmark.datasets.snapshots.uniting import Side
from training.commands.data.wording import (
    SHORT,
    add_author,
    add_keep,
    told_name,
)
from training.progress import progress_bar

_MOST_DAYS = 36_500
_SIDES: dict[str | None, Side | None] = {"parent": "first", "new": "second", None: None}


def add(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the word."""
    parser = words.add_parser("add", help="make a snapshot of a dataset")
    parser.add_argument("source", type=Path, help="the dataset: annotation file or folder")
    parser.add_argument("--store", type=Path, required=True, help="folder of snapshots; made anew")
    parser.add_argument("--name", help="what to call the snapshot; a name can move on")
    parser.add_argument("--parent", metavar="SNAPSHOT", help="add to this one: a name, or digits")
    parser.add_argument(
        "--prefer", choices=("parent", "new"), help="whose word counts where they differ"
    )
    parser.add_argument("--classes", type=Path, help="TOML: [classes] with old = new names")
    parser.add_argument("--licence", help="under which the images may be used")
    parser.add_argument("--consent", help="of whom is shown: which, and where it is written")
    parser.add_argument("--annotator", action="append", default=[], help="who drew the boxes")
    retention = parser.add_mutually_exclusive_group()
    retention.add_argument(
        "--retention-days", type=whole(1, _MOST_DAYS), help="forget the images after so long"
    )
    retention.add_argument(
        "--retain-until", type=date.fromisoformat, metavar="YYYY-MM-DD", help="or after this day"
    )
    add_keep(parser)
    add_author(parser)
    parser.set_defaults(command=_add)


def _add(arguments: argparse.Namespace) -> int:
    if is_snapshot(arguments.source):
        raise InputError(
            "is a snapshot already", "use beltmark-train data merge", file=arguments.source
        )
    now = datetime.now(UTC)
    class_of = read_class_map(arguments.classes) if arguments.classes else None
    dataset = read_dataset(arguments.source)
    source = _source(arguments, dataset.format, now.date())
    store = Store.create(arguments.store)
    addition = Addition(
        source=source,
        by=arguments.by,
        at=now,
        name=arguments.name,
        parent=_parent(arguments.parent, store),
        prefer=_SIDES[arguments.prefer],
        class_of=class_of,
        keep=arguments.keep,
    )
    with progress_bar("images") as progress:
        added = add_dataset(store, dataset, addition, progress)
    print(f"{told_name(arguments.name, added.digest, arguments.store)} is {added.digest[:SHORT]}")
    print(
        f"{added.images} images, {added.added} of them new; "
        f"{added.hashed} files hashed, {added.stored} stored"
    )
    if added.replaced:
        print(f"{added.replaced} images were told differently: the {arguments.prefer} side counts")
    if added.left_out:
        print(f"{added.left_out} images had to be forgotten once: left out")
    if added.has_older_terms:
        print("images that were there before keep the licence and retention they came with")
    return 0


def _parent(text: str | None, store: Store) -> str | None:
    """Returns what the store calls the parent; it may be given as STORE@NAME too."""
    if text is None or not is_snapshot(Path(text)):
        return text
    snapshot = find_snapshot(Path(text))
    if snapshot.store.folder.resolve() != store.folder.resolve():
        raise InputError(
            "lies in another store", "merge the two instead", file=text, field="--parent"
        )
    return snapshot.digest


def _source(arguments: argparse.Namespace, dataset_format: str, today: date) -> Source:
    until = arguments.retain_until
    if arguments.retention_days is not None:
        until = today + timedelta(days=arguments.retention_days)
    told = {
        "path": str(arguments.source),
        "format": dataset_format,
        "licence": arguments.licence,
        "consent": arguments.consent,
        "retain_until": until,
        "annotators": sorted(set(arguments.annotator)),
    }
    return parse(told, Source, "arguments")
