"""`beltmark-train`: trains, evaluates, and makes releases.

Reads arguments and prints; all work is done in the modules it calls.
"""

import argparse
import json
import logging
import sys
from pathlib import Path

from beltmark.command import INTERRUPTED, run_command
from beltmark.contract.errors import InputError
from beltmark.contract.package import load_package
from beltmark.contract.policy import Policy
from beltmark.datasets.coco import read_coco
from beltmark.datasets.split import select_scenes
from training.package import write_release


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0 done, 2 bad input, 130 stopped by the user."""
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("training").setLevel(logging.INFO)  # libraries tell their own steps at INFO
    return run_command(_parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="beltmark-train", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="train a model and prove it: from TOML to package")
    run.add_argument("config", type=Path)
    run.add_argument("--out", type=Path, help="folder for the results (default: runs/NAME)")
    run.add_argument("--resume", action="store_true", help="go on from the folder's last.pt")
    run.set_defaults(command=_run)
    evaluate = commands.add_parser("evaluate", help="measure a package on a COCO dataset")
    evaluate.add_argument("package", type=Path)
    evaluate.add_argument("--data", type=Path, required=True, help="COCO annotation file")
    evaluate.add_argument("--scenes", nargs="+", help="only these scenes")
    evaluate.add_argument("--json", type=Path, help="write the numbers to this file too")
    evaluate.set_defaults(command=_evaluate)
    release = commands.add_parser("release", help="join package, layouts and catalogue")
    release.add_argument("package", type=Path)
    release.add_argument("--catalogue", type=Path, required=True, help="CSV")
    release.add_argument("--layouts", type=Path, required=True, help="folder of *.toml")
    release.add_argument("--out", type=Path, required=True, help="folder to make")
    release.add_argument("--target-precision", type=_share, default=Policy().target_precision)
    release.set_defaults(command=_release)
    return parser


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return value


def _run(arguments: argparse.Namespace) -> int:
    # Torch takes seconds to load; the other commands do without it.
    from training.engine import CHECKPOINT, Interrupted  # noqa: PLC0415
    from training.run import run  # noqa: PLC0415

    folder = arguments.out or Path("runs") / arguments.config.stem
    try:
        package = run(arguments.config, folder, resume=arguments.resume)
    except Interrupted:
        print(f"stopped; go on with --resume ({folder / CHECKPOINT})", file=sys.stderr)
        return INTERRUPTED
    print(package.folder)
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from training.evaluate.evaluation import check_classes, evaluate, metrics_of  # noqa: PLC0415

    package = load_package(arguments.package)
    dataset = read_coco(arguments.data)
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


def _release(arguments: argparse.Namespace) -> int:
    from training.evaluate.precision import threshold_for  # noqa: PLC0415

    package = load_package(arguments.package)
    point = threshold_for(package.manifest.curve, arguments.target_precision)
    if point is None:
        raise InputError(
            f"the curve reaches a precision of {arguments.target_precision} nowhere",
            "train it better, or lower --target-precision",
            file=arguments.package / "manifest.json",
            field="curve",
        )
    policy = Policy(target_precision=arguments.target_precision, threshold=point.threshold)
    release = write_release(arguments.out, package, policy, arguments.layouts, arguments.catalogue)
    print(f"{release.folder}: threshold {point.threshold:g}, coverage {point.coverage:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
