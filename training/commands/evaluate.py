"""`beltmark-train evaluate`: measures a package on a dataset."""

import argparse
import json
from pathlib import Path

from beltmark.contract.errors import InputError
from beltmark.contract.package import load_package
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.split import select_scenes


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    evaluate = commands.add_parser("evaluate", help="measure a package on a dataset")
    evaluate.add_argument("package", type=Path)
    evaluate.add_argument("--data", type=Path, required=True, help="COCO annotation file")
    evaluate.add_argument("--scenes", nargs="+", help="only these scenes")
    evaluate.add_argument("--json", type=Path, help="write the numbers to this file too")
    evaluate.set_defaults(command=_evaluate)


def _evaluate(arguments: argparse.Namespace) -> int:
    from training.evaluate.evaluation import check_classes, evaluate, metrics_of  # noqa: PLC0415

    package = load_package(arguments.package)
    dataset = read_dataset(arguments.data)
    check_classes(package, dataset)
    images = dataset.images
    if arguments.scenes:
        images = select_scenes(images, arguments.scenes)
    if not images:
        raise InputError("no image to evaluate on", "name scenes of it", file=arguments.data)
    numbers = metrics_of(evaluate(package, images))
    for name, value in numbers.items():
        print(f"{name:32} {value:g}")
    if arguments.json:
        _write_json(arguments.json, numbers)
    return 0


def _write_json(path: Path, numbers: dict[str, float]) -> None:
    try:
        path.write_text(json.dumps(numbers, indent=2) + "\n")
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}", "name a file that can be written", file=path
        ) from None
