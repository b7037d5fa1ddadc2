"""`beltmark-train evaluate`: measures a package on a dataset."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from beltmark.command import between, whole
from beltmark.contract.documents import write_bytes, write_document
from beltmark.contract.errors import InputError
from beltmark.contract.package import ModelPackage, load_package
from beltmark.contract.policy import Policy
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.split import select_scenes
from beltmark.datasets.split_file import TEST, TRAIN, VALIDATION, apply_split, read_split

if TYPE_CHECKING:
    from training.evaluate.whole import Measured

SHOWN_NUMBERS = 400
ALL = "all"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    evaluate = commands.add_parser(
        "evaluate",
        help="measure a package on a dataset",
        description="Measures the file that ships, through the edge's own detector.",
    )
    evaluate.add_argument("package", type=Path)
    evaluate.add_argument("--data", type=Path, required=True, help="dataset, of any known format")
    part = evaluate.add_mutually_exclusive_group()
    part.add_argument("--scenes", nargs="+", help="only these scenes")
    part.add_argument("--split", type=Path, help="split file: judge by one part of it only")
    evaluate.add_argument("--part", help=f"of the split (default: {TEST})")
    evaluate.add_argument("--json", type=Path, help="write what was measured to this file")
    evaluate.add_argument("--page", type=Path, help="write an HTML page that needs nothing else")
    evaluate.add_argument(
        "--detections", type=Path, help="write all detections (COCO results format)"
    )
    evaluate.add_argument(
        "--reference", type=Path, help="fp32 package of the same run, to compare with"
    )
    evaluate.add_argument(
        "--checkpoint", type=Path, help="last.pt of the same run, to compare torch with"
    )
    evaluate.add_argument(
        "--unknown", type=Path, help="dataset of products that the model was never shown"
    )
    which = evaluate.add_mutually_exclusive_group()
    which.add_argument("--only", type=_keys, default=(), metavar="SECTION,...")
    which.add_argument("--skip", type=_keys, default=(), metavar="SECTION,...")
    evaluate.add_argument(
        "--cache", type=Path, help="folder that keeps detections: an interrupted run goes on"
    )
    evaluate.add_argument(
        "--target-precision",
        type=between(0, 1),
        default=Policy().target_precision,
        help="for the threshold that the package's curve suggests (default: %(default)g)",
    )
    evaluate.add_argument(
        "--threshold", type=between(0, 1), help="operating point, if not the suggested one"
    )
    evaluate.add_argument(
        "--draws", type=whole(10, 100_000), default=1000, help="of each interval's bootstrap"
    )
    evaluate.add_argument("--seed", type=whole(0, 2**31 - 1), default=0, help="of these draws")
    evaluate.set_defaults(command=_evaluate)


def _keys(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


def _evaluate(arguments: argparse.Namespace) -> int:
    from training.evaluate.collection import choose  # noqa: PLC0415 - other commands do without
    from training.evaluate.whole import Request, document_of, measure  # noqa: PLC0415

    keys = choose(arguments.only, arguments.skip)
    for path in (arguments.json, arguments.page, arguments.detections):
        _check_writable(path)
    package = load_package(arguments.package)
    dataset = read_dataset(arguments.data)
    images, fitting, part = chosen_images(arguments, dataset)
    request = Request(
        package,
        dataset,
        images,
        part,
        keys,
        arguments.target_precision,
        threshold=arguments.threshold,
        fitting=fitting,
        unknown=read_dataset(arguments.unknown) if arguments.unknown else None,
        reference=load_package(arguments.reference) if arguments.reference else None,
        checkpoint=arguments.checkpoint,
        cache=arguments.cache,
        draws=arguments.draws,
        seed=arguments.seed,
    )
    measured = measure(request)
    created_at = datetime.now(UTC).isoformat(timespec="seconds")
    is_apart = arguments.scenes or (arguments.split and arguments.part != TRAIN)
    learned = () if is_apart else _learned_from(package, dataset)
    for told in learned:
        print(told)
    _print(measured)
    if arguments.json:
        write_document(arguments.json, document_of(measured, created_at))
    if arguments.page:
        from training.pages.report import render_report  # noqa: PLC0415

        measured_on = f"Measured on {len(images)} images ({part}) of {dataset.path}."
        page = render_report(
            f"{package.manifest.name}: evaluation",
            made_at=created_at,
            sections=measured.collected.sections,
            package=package,
            dataset=dataset,
            parts={"judged by": images},
            told=(measured_on, *learned),
        )
        write_bytes(arguments.page, page)
    if arguments.detections:
        from training.evaluate.results import write_results  # noqa: PLC0415

        write_results(
            arguments.detections, dataset, measured.context.evaluation, package.manifest.classes
        )
    return 0


def _learned_from(package: ModelPackage, dataset: Dataset) -> tuple[str, ...]:
    """Says it loudly where a package is judged by the whole dataset that it was made from."""
    lineage = package.manifest.lineage
    if lineage is None or lineage.dataset_sha256 != dataset.sha256:
        return ()
    return (
        "LEARNED FROM: the package was trained on images of this very dataset, and looks better "
        "here than it is. Judge by what was put aside: --split runs/NAME/split.json, or --scenes.",
    )


def chosen_images(
    arguments: argparse.Namespace, dataset: Dataset
) -> tuple[tuple[LabelledImage, ...], tuple[LabelledImage, ...], str]:
    """Returns the images to judge by, those to fit the temperature on, and words for the former."""
    images, part = dataset.images, ALL
    fitting: tuple[LabelledImage, ...] = ()
    if arguments.part and not arguments.split:
        raise InputError(
            "without a split there are no parts",
            "name the split with --split, as runs/NAME/split.json, or leave --part out",
            field="--part",
        )
    if arguments.split:
        parts, wanted = apply_split(dataset, read_split(arguments.split)), arguments.part or TEST
        if wanted not in parts:
            raise InputError(
                f"has no part {wanted!r}",
                f"its parts are {', '.join(parts)}",
                file=arguments.split,
                field="--part",
            )
        images, part = parts[wanted], f"part {wanted} of {arguments.split}"
        if wanted != VALIDATION:
            fitting = parts.get(VALIDATION, ())
    if arguments.scenes:
        images = select_scenes(images, arguments.scenes)
        part = f"scenes {', '.join(arguments.scenes)}"
        if not images:
            known = sorted({image.scene for image in dataset.images})
            raise InputError(
                f"no image of {part}",
                f"known scenes are {', '.join(known[:20])}",
                file=arguments.data,
                field="--scenes",
            )
    return images, fitting, part


def _print(measured: "Measured") -> None:
    shown = 0
    for section in measured.collected.sections:
        print(f"\n{section.title}")
        for sentence in section.told:
            print(f"  {sentence}")
        for name, value in section.numbers.items():
            if shown < SHOWN_NUMBERS:
                told = "not measured" if value is None else f"{value:g}"
                print(f"  {section.key + '.' + name:48} {told}")
            shown += 1
    if shown > SHOWN_NUMBERS:
        print(f"\n{shown - SHOWN_NUMBERS} more numbers: --json writes all")
    for key, reason in measured.collected.left_out.items():
        print(f"\n{key}: left out, as {reason}")


def _check_writable(path: Path | None) -> None:
    """Says before hours of work, not after, that a result could not be written.

    Raises:
        InputError: It is a folder, or its folder cannot be made.
    """
    if path is None:
        return
    if path.is_dir():
        raise InputError("is a folder", "name a file", file=path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot be made: {error.strerror}", "name a file that can be written", file=path.parent
        ) from None
