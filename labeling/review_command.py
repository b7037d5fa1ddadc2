"""`beltmark-label review`: arguments and printing; the work is in `review`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from beltmark.contract.errors import InputError
from labeling.project_commands import add_project, counting
from labeling.studio_commands import open_studio


def add_review_parser(commands: Any) -> None:
    """Adds the command to a parser's subparsers."""
    review = commands.add_parser("review", help="annotations that are probably wrong, once more")
    review.add_argument(
        "report", type=Path, metavar="REPORT.json", help="of `beltmark-train data check --deep`"
    )
    review.add_argument(
        "--dataset", type=Path, metavar="DATASET", help="that was checked (default: as it says)"
    )
    review.add_argument(
        "--kinds", nargs="+", metavar="KIND",
        help="findings to look at (default: wrong-class outlier)",
    )  # fmt: skip
    add_project(review)
    review.set_defaults(command=_review)


def _review(arguments: argparse.Namespace) -> int:
    from beltmark.datasets.opening import read_dataset  # noqa: PLC0415
    from labeling.importing import check_known  # noqa: PLC0415
    from labeling.project_config import class_names_of  # noqa: PLC0415
    from labeling.projects import find_project  # noqa: PLC0415
    from labeling.review import KINDS, TAB_TITLE, read_suspicions, review  # noqa: PLC0415

    suspicions = read_suspicions(arguments.report, arguments.kinds or KINDS)
    dataset = read_dataset(arguments.dataset or suspicions.dataset)
    if dataset.sha256 != suspicions.sha256:
        raise InputError(
            f"is not what was checked: that is {suspicions.sha256[:12]}",
            "check it again, or give what was checked with --dataset",
            file=dataset.path,
        )
    studio = open_studio(arguments)
    project = find_project(studio, arguments.title)
    check_known(dataset, class_names_of(project.config, studio.address))
    with counting("reviewing", len(suspicions.images)) as advance:
        done = review(studio, project.id, dataset, suspicions.images, advance)
    for problem in done.problems:
        print(problem, file=sys.stderr)
    print(
        f"{studio.address}/projects/{project.id}, tab {TAB_TITLE}: {done.marked} tasks sent back, "
        f"{done.made} new ones, {done.there} were there, {len(done.problems)} left out"
    )
    return 1 if done.problems else 0
