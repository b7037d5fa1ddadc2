"""`beltmark-train release`: joins package, layouts and catalogue."""

import argparse
from pathlib import Path

from beltmark.contract.catalogue import read_catalogue
from beltmark.contract.errors import InputError
from beltmark.contract.package import ModelPackage, load_package
from beltmark.contract.policy import Policy
from training.package import write_release


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    release = commands.add_parser("release", help="join package, layouts and catalogue")
    release.add_argument("package", type=Path)
    release.add_argument("--catalogue", type=Path, required=True, help="CSV")
    release.add_argument("--layouts", type=Path, required=True, help="folder of *.toml")
    release.add_argument("--out", type=Path, required=True, help="folder to make")
    release.add_argument("--target-precision", type=_share)
    release.add_argument(
        "--operating", type=Path, help="operating.json of operating-point, from whole items"
    )
    release.set_defaults(command=_release)


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return value


def _release(arguments: argparse.Namespace) -> int:
    package = load_package(arguments.package)
    if arguments.operating is None:
        policy, told = _by_frames(arguments, package)
    else:
        policy, told = _by_items(arguments, package)
    release = write_release(arguments.out, package, policy, arguments.layouts, arguments.catalogue)
    print(f"{release.folder}: {told}")
    return 0


def _by_items(arguments: argparse.Namespace, package: ModelPackage) -> tuple[Policy, str]:
    from training.evaluate.operating_document import read_operating  # noqa: PLC0415
    from training.evaluate.operating_words import told_point, told_policy  # noqa: PLC0415

    read = read_operating(arguments.operating, package, read_catalogue(arguments.catalogue))
    policy, target = read.policy, arguments.target_precision
    assert policy is not None, "is refused"
    if target is not None and target != read.target_precision:
        raise InputError(
            f"was chosen for a precision of {read.target_precision:g}, not of {target:g}",
            "leave out --target-precision, or run operating-point anew",
            file=arguments.operating,
            field="target_precision",
        )
    confirmed = "" if read.confirmed is None else f"; confirmed: {told_point(read.confirmed)}"
    return policy, f"{told_policy(policy)}, from whole items ({arguments.operating}){confirmed}"


def _by_frames(arguments: argparse.Namespace, package: ModelPackage) -> tuple[Policy, str]:
    from training.evaluate.precision import threshold_for  # noqa: PLC0415

    target = arguments.target_precision or Policy().target_precision
    point = threshold_for(package.manifest.curve, target)
    if point is None:
        raise InputError(
            f"the curve reaches a precision of {target} nowhere",
            "train it better, or lower --target-precision",
            file=arguments.package / "manifest.json",
            field="curve",
        )
    return (
        Policy(target_precision=target, threshold=point.threshold),
        f"threshold {point.threshold:g}, coverage {point.coverage:.3f}, from the package's curve "
        "of single frames; what votes make of them is not in it: see operating-point",
    )
