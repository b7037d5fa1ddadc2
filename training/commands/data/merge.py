"""`beltmark-train data merge`: makes one snapshot of two, or of one with other classes."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from beltmark.contract.errors import InputError
from beltmark.datasets.snapshots.classes import read_class_map
from beltmark.datasets.snapshots.merging import Merging
from beltmark.datasets.snapshots.merging import merge as merge_snapshots
from beltmark.datasets.snapshots.opening import find_snapshot
from beltmark.datasets.snapshots.uniting import Side
from training.commands.data.wording import (
    SHORT,
    SNAPSHOT_HELP,
    add_author,
    add_keep,
    told_name,
)
from training.progress import progress_bar


def add(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the word."""
    parser = words.add_parser("merge", help="make one snapshot of two")
    parser.add_argument("first", type=Path, metavar="A", help=SNAPSHOT_HELP)
    parser.add_argument("second", type=Path, metavar="B", nargs="?", help="without it, A anew")
    parser.add_argument("--name", help="what to call the snapshot, in the store of A")
    parser.add_argument("--prefer", metavar="A|B", help="whose word counts where they differ")
    parser.add_argument("--classes", type=Path, help="TOML: [classes] with old = new names")
    add_keep(parser)
    add_author(parser)
    parser.set_defaults(command=_merge)


def _merge(arguments: argparse.Namespace) -> int:
    first = find_snapshot(arguments.first)
    second = find_snapshot(arguments.second) if arguments.second else None
    merging = Merging(
        by=arguments.by,
        at=datetime.now(UTC),
        name=arguments.name,
        prefer=_side(arguments),
        class_of=read_class_map(arguments.classes) if arguments.classes else None,
        keep=arguments.keep,
    )
    with progress_bar("images") as progress:
        merged = merge_snapshots(first, second, merging, progress)
    folder = first.store.folder
    print(f"{told_name(arguments.name, merged.digest, folder)} is {merged.digest[:SHORT]}")
    print(f"{merged.images} images, {merged.added} of them only in B")
    if merged.contradicted:
        print(f"{merged.contradicted} images were annotated differently: {arguments.prefer} counts")
    if merged.left_out:
        print(f"{merged.left_out} images had to be forgotten: left out")
    return 0


def _side(arguments: argparse.Namespace) -> Side | None:
    match arguments.prefer:
        case None:
            return None
        case "A":
            return "first"
        case "B":
            return "second"
    if arguments.prefer == str(arguments.first):
        return "first"
    if arguments.prefer == str(arguments.second):
        return "second"
    raise InputError(
        f"{arguments.prefer!r} is none of the two",
        "say A, B, or what you called one",
        field="prefer",
    )
