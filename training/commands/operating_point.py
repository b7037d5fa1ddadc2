"""`beltmark-train operating-point`: chooses threshold and votes from whole items."""

import argparse
from pathlib import Path

from beltmark.command import between, seconds, whole
from beltmark.contract.catalogue import read_catalogue
from beltmark.contract.documents import write_document
from beltmark.contract.errors import InputError
from beltmark.contract.package import load_package
from beltmark.contract.policy import Policy
from beltmark.datasets.opening import read_dataset

NOT_REACHED = 1


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    command = commands.add_parser(
        "operating-point",
        help="choose threshold and votes for a precision per label, from whole items",
        description="Lets simulated belts and filmed sequences pass the package's detector and a "
        "station's own rules, chooses the operating point by some of them and confirms it on the "
        "others. Ends with 1 where no threshold reaches the target, or the others refute it.",
    )
    command.add_argument("package", type=Path)
    command.add_argument("--catalogue", type=Path, required=True, help="CSV")
    command.add_argument(
        "--belts",
        type=whole(0, 10_000),
        help="simulated belts (default: 24, or none with sequences)",
    )
    command.add_argument("--seconds", type=seconds, default=60.0, help="length of each belt")
    command.add_argument(
        "--seed", type=whole(0, 2**31 - 1), default=0, help="of the first belt, and of the division"
    )
    command.add_argument("--sequences", type=Path, help="dataset with sequences and track ids")
    command.add_argument("--target-precision", type=_share, default=Policy().target_precision)
    command.add_argument(
        "--votes",
        type=whole(1, 1000),
        nargs="+",
        default=[Policy().min_votes],
        help="numbers of votes to try",
    )
    command.add_argument(
        "--by",
        choices=("bound", "estimate"),
        default="bound",
        help="what must reach the target: what the labels prove of the precision, or what was "
        "seen, which proves less; both are told (default: %(default)s)",
    )
    command.add_argument("--out", type=Path, required=True, help="file to write")
    command.add_argument(
        "--kept",
        type=Path,
        help="folder for recordings, from which a later run goes on (default: OUT.recordings)",
    )
    command.set_defaults(command=_choose)


def _share(text: str) -> float:
    value = between(0, 1)(text)
    if value in (0, 1):
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return value


def _choose(arguments: argparse.Namespace) -> int:
    # onnxruntime and the simulation take a moment to load; other commands do without them.
    from training.evaluate import operating_run  # noqa: PLC0415
    from training.evaluate.items_sources import Source  # noqa: PLC0415
    from training.evaluate.operating_words import told_operating  # noqa: PLC0415
    from training.evaluate.sequences import sequences_of  # noqa: PLC0415
    from training.progress import counting  # noqa: PLC0415

    package = load_package(arguments.package)
    catalogue = read_catalogue(arguments.catalogue)
    sources: list[Source] = []
    try:
        operating_run.check_catalogue(catalogue, package.manifest)
        number = arguments.belts
        if number is None:
            number = 0 if arguments.sequences else 24
        sources += operating_run.belts(catalogue, number, arguments.seed, arguments.seconds)
    except InputError as error:
        raise InputError(
            error.problem, error.mend, file=arguments.catalogue, field=error.field
        ) from None
    if arguments.sequences:
        found = sequences_of(read_dataset(arguments.sequences), catalogue)
        if not found:
            raise InputError(
                "has no sequence of 8 frames or more with track ids",
                "give one that has, or simulated belts",
                file=arguments.sequences,
            )
        sources += found
    if not sources:
        raise InputError("nothing passes", "give --belts or --sequences")
    kept = arguments.kept or arguments.out.with_name(f"{arguments.out.name}.recordings")
    # Said before the work of minutes, not after: a folder that cannot be made.
    for folder in (arguments.out.parent, kept):
        folder.mkdir(parents=True, exist_ok=True)
    if arguments.out.is_dir():
        raise InputError("is a folder", "name a file", file=arguments.out)
    with counting("items pass", len(sources)) as on_source:
        read = operating_run.find(
            package,
            catalogue,
            sources,
            seed=arguments.seed,
            votes=sorted(set(arguments.votes)),
            target=arguments.target_precision,
            criterion=arguments.by,
            kept=kept,
            on_source=on_source,
        )
    write_document(arguments.out, read)
    for line in told_operating(read):
        print(line)
    print(arguments.out)
    return NOT_REACHED if read.policy is None or read.finding == "refuted" else 0
