"""`beltmark-train release`: joins package, layouts and catalogue."""

import argparse
from pathlib import Path

from beltmark.contract.errors import InputError
from beltmark.contract.package import load_package
from beltmark.contract.policy import Policy
from training.package import write_release


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    release = commands.add_parser("release", help="join package, layouts and catalogue")
    release.add_argument("package", type=Path)
    release.add_argument("--catalogue", type=Path, required=True, help="CSV")
    release.add_argument("--layouts", type=Path, required=True, help="folder of *.toml")
    release.add_argument("--out", type=Path, required=True, help="folder to make")
    release.add_argument("--target-precision", type=_share, default=Policy().target_precision)
    release.set_defaults(command=_release)


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return value


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
