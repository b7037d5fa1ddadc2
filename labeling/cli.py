"""`beltmark-label`: images to agreed annotations through Label Studio; datasets to it and back.

Reads arguments and prints; each command loads what it needs when it is called.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from beltmark.command import limit_pictures, run_command, whole
from beltmark.contract.errors import InputError
from labeling.collect_command import add_collect_parser
from labeling.dataset_commands import add_dataset_parsers
from labeling.project_commands import add_project_parsers
from labeling.pull_command import add_pull_parser
from labeling.push_command import add_push_parser
from labeling.review_command import add_review_parser
from labeling.studio_commands import add_studio_parsers
from labeling.sync_command import add_sync_parsers

if TYPE_CHECKING:
    from beltmark.datasets.label_studio.importing import Imported


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0 done, 1 not all of it, 2 bad input, 130 Ctrl-C."""
    limit_pictures()
    return run_command(_parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="beltmark-label", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    export = commands.add_parser(
        "to-tasks", help="COCO dataset to a file of Label Studio's tasks, without a server"
    )
    export.add_argument("dataset", type=Path, metavar="DATASET.json")
    export.add_argument("out", type=Path, metavar="OUT.json")
    _add_prefix(export, "goes before each file name, such as /data/local-files/?d=belt/")
    export.add_argument(
        "--as", dest="kind", choices=("annotations", "predictions"), default="annotations",
        help="whose boxes they are: people's (default) or a model's",
    )  # fmt: skip
    export.add_argument("--model-version", metavar="V", help="whose predictions they are")
    export.set_defaults(command=_to_tasks)

    importing = commands.add_parser(
        "from-tasks", help="a file that Label Studio exported to a COCO dataset, without a server"
    )
    importing.add_argument("export", type=Path, metavar="LABELSTUDIO.json", help="JSON, JSON-MIN")
    importing.add_argument("out", type=Path, metavar="OUT.json", help="the images lie beside it")
    importing.add_argument(
        "--classes", type=Path, metavar="FILE", help="catalogue (CSV), COCO dataset, or list"
    )
    _add_prefix(importing, "is before each file name; else a name is an address's last part")
    importing.add_argument(
        "--ignore-controls", nargs="+", default=[], metavar="NAME", help="pass their answers over"
    )
    importing.set_defaults(command=_from_tasks)

    config = commands.add_parser("config", help="print the label configuration of a project")
    config.add_argument(
        "classes", type=Path, metavar="CATALOGUE.csv", help="or COCO dataset (.json), or list"
    )
    config.set_defaults(command=_config)

    samples = commands.add_parser("samples", help="fetch samples for review from the site")
    samples.add_argument("site", metavar="SITE_URL", help="the fleet server, such as https://host")
    samples.add_argument("folder", type=Path, metavar="OUT_FOLDER")
    samples.add_argument(
        "--token-file", type=Path, required=True, metavar="F", help="holds the admin token"
    )
    samples.add_argument(
        "--limit",
        type=whole(1, 10_000),
        default=1_000,
        metavar="N",
        help="the newest N (default: 1000)",
    )
    _add_prefix(samples, "goes before each file name in the tasks")
    samples.set_defaults(command=_samples)
    add_collect_parser(commands)
    add_studio_parsers(commands)
    add_project_parsers(commands)
    add_push_parser(commands)
    add_dataset_parsers(commands)
    add_pull_parser(commands)
    add_review_parser(commands)
    add_sync_parsers(commands)
    return parser


def _add_prefix(parser: argparse.ArgumentParser, told: str) -> None:
    parser.add_argument("--images-prefix", default="", metavar="URL_OR_PATH", help=told)


def _to_tasks(arguments: argparse.Namespace) -> int:
    from beltmark.contract.documents import write_json  # noqa: PLC0415
    from labeling.coco_rows import read_rows  # noqa: PLC0415
    from labeling.exporting import ExportPlan, to_tasks  # noqa: PLC0415

    _check_apart(arguments.dataset, arguments.out)
    if (arguments.kind == "predictions") != bool(arguments.model_version):
        raise InputError(
            "a model's version belongs to its predictions, and they to it",
            "give both or neither of --as predictions and --model-version",
        )
    rows = read_rows(arguments.dataset)
    plan = ExportPlan(arguments.kind, arguments.images_prefix, arguments.model_version or "")
    write_json(arguments.out, to_tasks(rows, plan))
    if rows.left_out:
        told = ", ".join(f"{name!r:.40}" for name in rows.left_out)
        print(f"{arguments.dataset}: {told}: left out, COCO knows no such list", file=sys.stderr)
    print(f"{arguments.out}: {len(rows.images)} tasks, {len(rows.annotations)} boxes")
    return 0


def _from_tasks(arguments: argparse.Namespace) -> int:
    from beltmark.contract.documents import write_json  # noqa: PLC0415
    from beltmark.datasets.label_studio.importing import ImportPlan, to_coco  # noqa: PLC0415
    from beltmark.datasets.label_studio.tasks import read_tasks  # noqa: PLC0415
    from labeling.classes import read_classes  # noqa: PLC0415

    _check_apart(arguments.export, arguments.out)
    plan = ImportPlan(
        arguments.export,
        arguments.out.parent,
        read_classes(arguments.classes) if arguments.classes else (),
        arguments.images_prefix,
        frozenset(arguments.ignore_controls),
    )
    imported = to_coco(read_tasks(arguments.export), plan)
    write_json(arguments.out, imported.document)
    print(f"{arguments.out}: {'; '.join(_told(imported))}")
    if imported.is_from_min:
        print(
            f"{arguments.export}: JSON-MIN has nothing of a box but itself "
            "(export as JSON to keep track_id and the like)",
            file=sys.stderr,
        )
    return 0


def _told(imported: "Imported") -> Sequence[str]:
    document = imported.document
    told = [
        f"{len(document['images'])} images, {len(document['annotations'])} boxes, "
        f"{imported.unsure} regions not judged"
    ]
    if imported.unanswered:
        told.append(f"left out {imported.unanswered} tasks without answer")
    if imported.skipped:
        told.append(f"left out {imported.skipped} skipped tasks")
    if imported.several:
        told.append(f"took the latest of several answers to {imported.several} tasks")
    return told


def _config(arguments: argparse.Namespace) -> int:
    from labeling.classes import read_classes  # noqa: PLC0415
    from labeling.config import label_config  # noqa: PLC0415

    print(label_config([row["name"] for row in read_classes(arguments.classes)]), end="")
    return 0


def _samples(arguments: argparse.Namespace) -> int:
    from labeling.site import Site, read_token  # noqa: PLC0415
    from labeling.site_samples import collect  # noqa: PLC0415

    site = Site(arguments.site, read_token(arguments.token_file))
    collected = collect(site, arguments.folder, arguments.limit, arguments.images_prefix)
    for problem in collected.problems:
        print(problem, file=sys.stderr)
    print(
        f"{collected.tasks_path}: {collected.tasks} tasks, {collected.fetched} of them new, "
        f"{len(collected.problems)} samples could not be fetched"
    )
    return 1 if collected.problems else 0


def _check_apart(source: Path, target: Path) -> None:
    """Makes sure that what is read isn't written over."""
    if source.resolve() == target.resolve():
        raise InputError("would be written over", "name another file to write", file=target)


if __name__ == "__main__":
    sys.exit(main())
