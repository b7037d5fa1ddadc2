"""`beltmark-train compare`: packages beside each other, in one table."""

import argparse
from pathlib import Path

from beltmark.contract.documents import write_bytes
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.split_file import TEST
from training.commands.evaluate import chosen_images


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    compare = commands.add_parser(
        "compare",
        help="compare packages: what is right, size, time",
        description="Measures packages on the same images and this machine. Of a run's folder "
        "both are compared: before compression and after.",
    )
    compare.add_argument("packages", type=Path, nargs="+", metavar="RUN_OR_PACKAGE")
    compare.add_argument("--data", type=Path, required=True, help="dataset, of any known format")
    part = compare.add_mutually_exclusive_group()
    part.add_argument("--scenes", nargs="+", help="only these scenes")
    part.add_argument("--split", type=Path, help="split file: judge by one part of it only")
    compare.add_argument("--part", help=f"of the split (default: {TEST})")
    compare.add_argument("--cache", type=Path, help="folder that keeps detections")
    compare.add_argument("--out", type=Path, help="write the table to this file (Markdown)")
    compare.set_defaults(command=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    from training.evaluate.cache import LookCache  # noqa: PLC0415 - other commands do without
    from training.evaluate.comparing import (  # noqa: PLC0415
        compare,
        markdown_of,
        variants_in,
    )

    variants = variants_in(arguments.packages)
    dataset = read_dataset(arguments.data)
    images, _, part = chosen_images(arguments, dataset)
    if arguments.cache:
        with LookCache(arguments.cache) as cache:
            table = compare(variants, dataset, images, cache)
    else:
        table = compare(variants, dataset, images)
    told = f"{arguments.data}, {part}. {markdown_of(table)}"
    print(told, end="")
    if arguments.out:
        write_bytes(arguments.out, told.encode())
    return 0
