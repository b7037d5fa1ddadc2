"""`beltmark-train data verify`: reads a whole store and names what is damaged."""

import argparse
from pathlib import Path

from beltmark.datasets.snapshots.store import Store
from beltmark.datasets.snapshots.verifying import verify
from training.progress import progress_bar


def add(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the word."""
    parser = words.add_parser("verify", help="read a whole store and name what is damaged")
    parser.add_argument("store", type=Path)
    parser.set_defaults(command=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    with progress_bar("images") as progress:
        found = verify(Store(arguments.store), progress)
    for each in found.damage:
        needing = f" (needed by {'; '.join(each.snapshots)})" if each.snapshots else ""
        print(f"{each.path}: {each.problem}{needing}")
    print(
        f"{found.snapshots} snapshots, {found.images} images, {found.forgotten} forgotten, "
        f"{found.unused} files that no snapshot needs: {len(found.damage)} damaged"
    )
    if found.damage:
        print("remove a damaged image file and add its source again, or take it from a backup")
    return 1 if found.damage else 0
