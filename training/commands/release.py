"""`beltmark-train release`: joins package, layouts and catalogue."""

import argparse
from pathlib import Path

from beltmark.contract.catalogue import read_catalogue
from beltmark.contract.documents import write_document
from beltmark.contract.errors import InputError
from beltmark.contract.gate import GATE, ORIGIN, GateDocument, Origin, read_gate
from beltmark.contract.package import ModelPackage, load_package
from beltmark.contract.policy import Policy
from training.commands.gate import default_trail, moment
from training.gate.trail import find
from training.tracking.record import RECORD, first_begin


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
    release.add_argument("--gate", type=Path, help="gate.json; a failed one is refused")
    release.add_argument("--trail", type=Path, help="of the gate (default: as the gate has it)")
    release.add_argument("--override", metavar="REASON", help="release what failed, and say why")
    release.add_argument("--by", metavar="NAME", help="who overrides")
    release.set_defaults(command=_release)


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return value


def _release(arguments: argparse.Namespace) -> int:
    from training.package import write_release  # noqa: PLC0415 - onnx takes a moment to load

    package = load_package(arguments.package)
    if arguments.operating is None:
        policy, told = _by_frames(arguments, package)
    else:
        policy, told = _by_items(arguments, package)
    if arguments.out.exists():
        raise InputError("exists already", "name another folder or remove it", file=arguments.out)
    gate = _passed_gate(arguments, package)  # last: an override is recorded before it is used
    release = write_release(arguments.out, package, policy, arguments.layouts, arguments.catalogue)
    # Beside release.json, not in it: stations of before refuse fields that they do not know.
    if gate is not None:
        write_document(release.folder / GATE, gate)
    begun = first_begin(package.folder.absolute().parent / RECORD)
    if begun is not None:
        origin = Origin(run=begun["run"], experiment=str(begun.get("experiment", ""))[:250])
        write_document(release.folder / ORIGIN, origin)
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


def _passed_gate(arguments: argparse.Namespace, package: ModelPackage) -> GateDocument | None:
    """Returns the verdict that lets the package out, an override recorded in it; None without one.

    Raises:
        InputError: It is of another package, was changed, or failed and nobody overrides it.
    """
    if bool(arguments.override) != bool(arguments.by):
        raise InputError("an override has a reason and a name", "give --override and --by")
    if arguments.gate is None:
        if arguments.override:
            raise InputError("there is no verdict to override", "give --gate")
        return None
    from training.gate.case import check_words  # noqa: PLC0415
    from training.gate.gate import override  # noqa: PLC0415

    if arguments.override:
        check_words(arguments.by, "--by")
        check_words(arguments.override, "--override", most=2000)
    document = read_gate(arguments.gate)
    decision = document.decision
    if decision.candidate_sha256 != package.digest:
        raise InputError(
            f"is of package {decision.candidate_sha256[:12]}, but this is {package.digest[:12]}",
            "take this very package through the gate",
            file=arguments.gate,
            field="decision.candidate_sha256",
        )
    trail = arguments.trail or default_trail(arguments.gate.absolute().parent)
    find(trail, document, arguments.gate)
    if decision.passed:
        return document
    if not arguments.override:
        failed = [each.name for each in decision.criteria if not each.passed]
        raise InputError(
            f"the gate says FAIL: {'; '.join(failed)}",
            "make it better, or give --override REASON --by NAME",
            file=arguments.gate,
        )
    return override(
        document, by=arguments.by, reason=arguments.override, decided_at=moment(None), trail=trail
    )
