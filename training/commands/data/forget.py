"""`beltmark-train data forget`: removes images whose consent was withdrawn or time is over."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from beltmark.contract.errors import InputError
from beltmark.datasets.snapshots.forgetting import (
    Forgetting,
    forget,
    images_named,
    past_retention,
)
from beltmark.datasets.snapshots.opening import find_snapshot
from training.commands.data.wording import SHORT, SNAPSHOT_HELP, add_author


def add(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the word."""
    parser = words.add_parser("forget", help="remove images for good, from every snapshot")
    parser.add_argument("snapshot", type=Path, help=SNAPSHOT_HELP)
    parser.add_argument("images", nargs="*", help="original names, or digits of digests")
    parser.add_argument(
        "--past-retention", action="store_true", help="all of its images whose time is over"
    )
    parser.add_argument("--reason", required=True, help="such as: consent withdrawn")
    add_author(parser)
    parser.set_defaults(command=_forget)


def _forget(arguments: argparse.Namespace) -> int:
    snapshot = find_snapshot(arguments.snapshot)
    now = datetime.now(UTC)
    images = set(images_named(snapshot, arguments.images))
    if arguments.past_retention:
        images |= set(past_retention(snapshot, now.date()))
    if not images:
        raise InputError(
            "no image to forget", "name some, or give --past-retention", file=arguments.snapshot
        )
    done = forget(snapshot.store, images, Forgetting(arguments.reason, arguments.by, now))
    print(f"{done.images} images forgotten; the files that they were added from are not touched")
    for name, digest in done.moved.items():
        told = digest[:SHORT] if digest else "gone: it had no other image"
        print(f"{snapshot.store.folder}@{name} is {told}")
    return 0
