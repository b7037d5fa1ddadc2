"""`beltmark-train data export`: writes a snapshot as a COCO dataset."""

import argparse
from pathlib import Path

from beltmark.datasets.snapshots.exporting import export_coco
from beltmark.datasets.snapshots.opening import open_snapshot
from training.commands.data.wording import SNAPSHOT_HELP
from training.progress import progress_bar


def add(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the word."""
    parser = words.add_parser("export", help="write a snapshot as COCO, with its images linked")
    parser.add_argument("snapshot", type=Path, help=SNAPSHOT_HELP)
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="a new folder")
    parser.set_defaults(command=_export)


def _export(arguments: argparse.Namespace) -> int:
    dataset = open_snapshot(arguments.snapshot)
    with progress_bar("images") as progress:
        path = export_coco(dataset, arguments.to, progress)
    print(f"{path}: {len(dataset.images)} images")
    return 0
