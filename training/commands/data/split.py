"""`beltmark-train data split`: draws which images are for training, validation and test."""

import argparse
from pathlib import Path

from beltmark.command import whole
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.split_groups import TIME, Grouping

SHARES = "0.7,0.15,0.15"


def add(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the word."""
    split = words.add_parser(
        "split",
        help="draw parts for training, validation and test: whole groups, alike in classes",
    )
    split.add_argument("dataset", type=Path)
    split.add_argument(
        "--by",
        action="append",
        metavar="ATTRIBUTE",
        help="what stays together: scene (default), sequence, item, session, station, time, or any "
        "attribute of the images; given several times, images that share any of them do",
    )
    split.add_argument(
        "--items-may-repeat",
        action="store_true",
        help="let one item (attribute item, track ids) be in several parts",
    )
    split.add_argument(
        "--shares", type=_shares, help=f"train,validation,test or train,test (default {SHARES})"
    )
    split.add_argument("--folds", type=whole(2, 100), help="so many equal folds instead")
    split.add_argument("--seed", type=whole(0, 2**63), default=0)
    split.add_argument(
        "--fixed", type=Path, metavar="EARLIER.json", help="what this split names stays in its part"
    )
    split.add_argument("--out", type=Path, required=True, help="split file to write")
    split.set_defaults(command=_split)


def _shares(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(share) for share in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} are no numbers such as {SHARES}") from None


def _split(arguments: argparse.Namespace) -> int:
    from beltmark.datasets.split_balance import balance  # noqa: PLC0415
    from beltmark.datasets.split_file import (  # noqa: PLC0415
        read_split,
        write_split,
    )
    from beltmark.datasets.split_making import (  # noqa: PLC0415
        fold_shares,
        make_split,
        part_shares,
    )

    if arguments.folds and arguments.shares:
        raise InputError("--folds and --shares are both given", "give one of them")
    if arguments.folds:
        shares = fold_shares(arguments.folds)
    else:
        shares = part_shares(arguments.shares or _shares(SHARES))
    dataset = read_dataset(arguments.dataset)
    by = arguments.by or ["scene"]
    document, grouping = make_split(
        dataset,
        shares,
        by=by,
        items=not arguments.items_may_repeat,
        seed=arguments.seed,
        fixed=read_split(arguments.fixed) if arguments.fixed else None,
    )
    written = write_split(arguments.out, document)
    print(f"{'part':12} {'asked':>6} {'groups':>7} {'images':>14} {'objects':>8}  farthest class")
    for part in balance(dataset, document):
        images = f"{part.images} ({part.image_share:.3f})"
        line = f"{part.name:12} {part.asked:6.3f} {part.groups:7} {images:>14} {part.objects:8}"
        if part.off_class is not None:
            line += f"  {part.off_class} {part.off:+.3f}"
        if part.without:
            line += f"; none of {', '.join(part.without)}"
        print(line)
    for told in _warnings(dataset, grouping, by):
        print(told)
    print(f"{written.path}: sha256 {written.sha256}")
    return 0


def _warnings(dataset: Dataset, grouping: Grouping, by: list[str]) -> list[str]:
    told = [
        f"{count} of {len(dataset.images)} images do not tell their {name}: each is on its own in "
        "that" + (", as old as can be" if name == TIME else "")
        for name, count in grouping.untold.items()
    ]
    if len(grouping.groups) == len(dataset.images) > 1:
        told.append(
            f"every image is a group of its own by {' and '.join(by)}: near-duplicates may lie in "
            "two parts; a check of the data finds them"
        )
    largest = max(grouping.groups, key=lambda group: len(group.images))
    if len(largest.images) > len(dataset.images) / 2:
        told.append(
            f"group {largest.key} has {len(largest.images)} of {len(dataset.images)} images: "
            "shares can be kept badly only"
        )
    return told
