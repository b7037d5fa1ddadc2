"""`beltmark-train data show`: tells what a dataset is and what is in it."""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from beltmark.datasets.dataset import Dataset
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.snapshots.opening import is_snapshot
from training.commands.data.show_snapshot import show_snapshot

_MAX_VALUES = 6
"""How many values of an attribute are told one by one."""


def add(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the word."""
    show = words.add_parser("show", help="tell what a dataset or snapshot is and what is in it")
    show.add_argument("path", type=Path, help="a file or a folder of any format, or STORE@NAME")
    show.add_argument("--format", metavar="NAME", help="what it is, where the path doesn't tell")
    show.add_argument("--class-column", metavar="NAME", help="of a CSV list, such as coarse_class")
    show.add_argument("--json", action="store_true", help="as JSON")
    show.set_defaults(command=_show)


def _show(arguments: argparse.Namespace) -> int:
    if arguments.format is None and is_snapshot(arguments.path):
        return show_snapshot(arguments.path, arguments.json)
    dataset = read_dataset(arguments.path, arguments.format, class_column=arguments.class_column)
    told = summary(dataset)
    print(json.dumps(told, indent=2) if arguments.json else "\n".join(_lines(dataset)))
    return 0


def summary(dataset: Dataset) -> dict[str, object]:
    """Returns what is told of a dataset, for programs."""
    return {
        "path": str(dataset.path),
        "format": dataset.format,
        "sha256": dataset.sha256,
        "images": len(dataset.images),
        "empty_images": _empty(dataset),
        "boxes": sum(len(image.objects) for image in dataset.images),
        "clipped_boxes": dataset.clipped,
        "ignored_regions": sum(len(image.ignore_xyxy_px) for image in dataset.images),
        "scenes": len({image.scene for image in dataset.images}),
        "classes": {
            name: {"images": images, "boxes": boxes} for name, images, boxes in _classes(dataset)
        },
        "attributes": {
            name: {"values": len(counts), "most_common": dict(counts.most_common(_MAX_VALUES))}
            for name, counts in _attributes(dataset).items()
        },
        "notes": list(dataset.notes),
    }


def _lines(dataset: Dataset) -> Iterator[str]:
    boxes = sum(len(image.objects) for image in dataset.images)
    ignored = sum(len(image.ignore_xyxy_px) for image in dataset.images)
    whole = sum(image.class_index is not None for image in dataset.images)
    yield f"format      {dataset.format}"
    yield f"images      {len(dataset.images)}, {_empty(dataset)} of them with nothing on it"
    yield f"boxes       {boxes}, {dataset.clipped} of them cut at their image's border"
    if ignored:
        yield f"ignored     {ignored} regions"
    if whole:
        yield f"whole       {whole} images are of one class as a whole"
    yield f"scenes      {len({image.scene for image in dataset.images})}"
    for name, counts in sorted(_attributes(dataset).items()):
        most = counts.most_common(_MAX_VALUES)
        values = ", ".join(f"{v if v.isprintable() else repr(v):.60} {n}" for v, n in most)
        more = f", ... ({len(counts)} values)" if len(counts) > _MAX_VALUES else ""
        yield f"{name if name.isprintable() else repr(name):11.40} {values}{more}"
    yield f"digest      {dataset.sha256[:12]}"
    yield from (f"note        {note}" for note in dataset.notes)
    yield ""
    width = max(len(name) for name in (*dataset.class_names, "class"))
    yield f"{'class':{width}}  {'images':>7}  {'boxes':>7}"
    for name, images, count in _classes(dataset):
        yield f"{name:{width}}  {images:7}  {count:7}"


def _classes(dataset: Dataset) -> Iterator[tuple[str, int, int]]:
    """Returns each class, on how many images it is, and how many boxes it has."""
    images: Counter[int] = Counter()
    boxes: Counter[int] = Counter()
    for image in dataset.images:
        of_image = {each.class_index for each in image.objects}
        images.update(of_image if image.class_index is None else of_image | {image.class_index})
        boxes.update(each.class_index for each in image.objects)
    for index, name in enumerate(dataset.class_names):
        yield name, images[index], boxes[index]


def _attributes(dataset: Dataset) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for image in dataset.images:
        for name, value in image.attributes.items():
            found.setdefault(name, Counter())[value] += 1
    return found


def _empty(dataset: Dataset) -> int:
    return sum(not image.objects and image.class_index is None for image in dataset.images)
