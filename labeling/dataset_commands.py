"""`beltmark-label import` and `export`: arguments and printing; the work is beside it."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from beltmark.contract.errors import InputError
from labeling.project_commands import add_project, counting
from labeling.studio_commands import open_studio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from beltmark.datasets.dataset import Dataset
    from labeling.studio.port import Project, Studio


def add_dataset_parsers(commands: Any) -> None:
    """Adds the commands to a parser's subparsers."""
    importing = commands.add_parser("import", help="a dataset with its boxes into the project")
    importing.add_argument("dataset", type=Path, metavar="DATASET", help="or STORE@NAME")
    importing.add_argument("--format", metavar="NAME", help="of it, where it can't be told")
    importing.add_argument(
        "--as", dest="kind", choices=("annotations", "starred", "predictions"),
        default="annotations",
        help="boxes become one person's answers (default), answers that settle their tasks "
        "whatever `pull --answers` asks for, or predictions to be checked",
    )  # fmt: skip
    importing.add_argument(
        "--add-classes", action="store_true", help="give the project the classes that it lacks"
    )
    add_project(importing)
    importing.set_defaults(command=_import)

    export = commands.add_parser("export", help="a snapshot to COCO, YOLO or Pascal VOC")
    export.add_argument("snapshot", type=Path, metavar="STORE@NAME", help="or any dataset")
    export.add_argument("folder", type=Path, metavar="FOLDER", help="a new one")
    export.add_argument("--format", choices=("coco", "yolo", "voc"), default="coco")
    export.set_defaults(command=_export)


def _import(arguments: argparse.Namespace) -> int:
    from beltmark.datasets.opening import read_dataset  # noqa: PLC0415
    from labeling.importing import check_known, import_dataset, version_of  # noqa: PLC0415
    from labeling.project_config import class_names_of  # noqa: PLC0415
    from labeling.projects import find_project  # noqa: PLC0415

    studio = open_studio(arguments)
    project = find_project(studio, arguments.title)
    dataset = read_dataset(arguments.dataset, arguments.format)
    names = class_names_of(project.config, studio.address)
    if arguments.add_classes:
        names += _add_classes(studio, project, names, dataset)
    check_known(dataset, names)
    with counting("importing", 2 * len(dataset.images)) as advance:
        done = import_dataset(studio, project.id, dataset, arguments.kind, advance=advance)
    for problem in done.problems:
        print(problem, file=sys.stderr)
    if done.there:
        print(
            f"{done.there} images were tasks already: their boxes were not taken", file=sys.stderr
        )
    shown = f" as predictions of {version_of(dataset)}" if arguments.kind == "predictions" else ""
    print(
        f"{studio.address}/projects/{project.id}: {done.made} new tasks with {done.boxes} boxes"
        f"{shown}, "
        f"{done.there} images were there, {done.repeated} are files that came before, "
        f"{len(done.problems)} left out"
    )
    return 1 if done.problems else 0


def _add_classes(
    studio: "Studio", project: "Project", names: "Sequence[str]", dataset: "Dataset"
) -> list[str]:
    """Gives the project the classes that a dataset uses; returns those that are new."""
    from labeling.classes import check_labels  # noqa: PLC0415
    from labeling.importing import used_classes  # noqa: PLC0415
    from labeling.projects import ensure_project  # noqa: PLC0415

    missing = [name for name in used_classes(dataset) if name not in names]
    if missing:
        check_labels([*names, *missing], dataset.path)
        ensure_project(studio, project.title, [*names, *missing])
        print(f"added {', '.join(missing)}")
    return missing


def _export(arguments: argparse.Namespace) -> int:
    from beltmark.datasets.opening import read_dataset  # noqa: PLC0415
    from beltmark.datasets.snapshots.exporting import export_coco  # noqa: PLC0415
    from beltmark.datasets.voc_writing import write_voc  # noqa: PLC0415
    from beltmark.datasets.yolo_writing import write_yolo  # noqa: PLC0415

    dataset = read_dataset(arguments.snapshot)
    folder: Path = arguments.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("is not an empty folder", "name a new one", file=folder)
    lost = 0
    if arguments.format == "coco":
        export_coco(dataset, folder)
    else:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
            # In a store files have no names: there they get theirs.
            named = read_dataset(export_coco(dataset, Path(temporary) / "named"))
            made = Path(temporary) / "made"
            if arguments.format == "yolo":
                lost = write_yolo(named, made)
            else:
                write_voc(named, made)
            made.replace(folder)
    boxes = sum(len(image.objects) for image in dataset.images)
    print(f"{folder}: {len(dataset.images)} images, {boxes} boxes")
    if lost:
        print(
            f"{folder}: {lost} images have regions in which nothing is judged; YOLO has no place "
            "for them, and takes what is in them for background",
            file=sys.stderr,
        )
    return 0
