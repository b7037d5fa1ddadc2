"""`beltmark-label pull`: arguments and printing; the work is in `pull`, `settling`, `snapshots`."""

import argparse
import getpass
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beltmark.command import between, whole
from beltmark.contract.errors import InputError
from labeling.project_commands import add_project, counting
from labeling.studio_commands import open_studio

if TYPE_CHECKING:
    from beltmark.datasets.snapshots.comparing import Comparison
    from labeling.adjudication import Settlement
    from labeling.agreement import Tally
    from labeling.settling import Settled
    from labeling.studio.port import Studio

_MOST_TOLD = 20


def add_pull_parser(commands: Any) -> None:
    """Adds the command to a parser's subparsers."""
    pull = commands.add_parser("pull", help="annotations to a snapshot; who disagrees with whom")
    pull.add_argument("store", type=Path, metavar="STORE", help="folder of snapshots; made anew")
    pull.add_argument("--name", default="labelled", help="of the snapshot (default: labelled)")
    pull.add_argument(
        "--work", type=Path, metavar="FOLDER", help="keeps what was pulled (default: STORE-pulled)"
    )
    pull.add_argument(
        "--answers", type=whole(1, 20), default=1, metavar="N",
        help="so many people must have annotated an image (default: 1)",
    )  # fmt: skip
    pull.add_argument(
        "--iou", type=between(0.05, 1), default=0.5, metavar="P",
        help="from which on two boxes are of one thing (default: 0.5)",
    )  # fmt: skip
    pull.add_argument("--licence", help="under which the images may be used")
    pull.add_argument("--by", default=None, metavar="WHO", help="who makes the snapshot (you)")
    add_project(pull)
    pull.set_defaults(command=_pull)


def _pull(arguments: argparse.Namespace) -> int:
    from beltmark.datasets.label_studio.words import numbered  # noqa: PLC0415
    from labeling.adjudication import mark, settle_all  # noqa: PLC0415
    from labeling.kept import Kept  # noqa: PLC0415
    from labeling.project_config import class_names_of  # noqa: PLC0415
    from labeling.projects import find_project  # noqa: PLC0415
    from labeling.pull import pull  # noqa: PLC0415
    from labeling.settling import Rules  # noqa: PLC0415

    store: Path = arguments.store
    work: Path = arguments.work or store.with_name(f"{store.name}-pulled")
    studio = open_studio(arguments)
    project = find_project(studio, arguments.title)
    where = Path(f"project {project.title}")
    rules = Rules(
        where,
        numbered(class_names_of(project.config, f"{studio.address}: {where}")),
        studio.people(),
        arguments.answers,
        arguments.iou,
    )
    kept = Kept(work / "tasks.sqlite", f"{project.id} {project.created_at}")
    try:
        with counting("pulling", None) as advance:
            pulled = pull(studio, project.id, kept, advance)
        settlement = settle_all(kept.rows(), rules)
    finally:
        kept.close()
    mark(studio, settlement)
    print(
        f"{pulled.fetched} tasks changed, {pulled.gone} are gone: "
        f"{len(settlement.settled)} settled, {len(settlement.contested)} contested, "
        f"{len(settlement.unusable)} unusable, {settlement.waiting} wait for annotations"
    )
    for line in _agreement_told(settlement.tally):
        print(line)
    for line in _queue_told(settlement, f"{studio.address}/projects/{project.id}"):
        print(line)
    problems = [problem for each in settlement.unusable for problem in each.problems]
    with_images = list(_with_images(studio, settlement.settled, work / "images", where, problems))
    for problem in problems:
        print(f"{problem}: left out", file=sys.stderr)
    if with_images:
        _snapshot(arguments, with_images, rules, work / "images")
    return 1 if problems else 0


def _with_images(
    studio: "Studio",
    settled: "list[Settled]",
    folder: Path,
    where: Path,
    problems: list[str],
) -> "Iterator[Settled]":
    from labeling.pulled_images import ensure_image  # noqa: PLC0415

    with counting("images", len(settled)) as advance:
        for each in settled:
            try:
                ensure_image(studio, each, folder, where)
            except InputError as error:
                if not error.field:  # of the server, not of this task
                    raise
                problems.append(str(error))
            else:
                yield each
            advance(1)


def _snapshot(arguments: argparse.Namespace, settled: Any, rules: Any, folder: Path) -> None:
    from datetime import UTC, datetime  # noqa: PLC0415

    from beltmark.contract.documents import parse  # noqa: PLC0415
    from beltmark.datasets.snapshots.manifest import Source  # noqa: PLC0415
    from beltmark.datasets.snapshots.store import Store  # noqa: PLC0415
    from labeling.snapshots import Terms, dataset_from, take_snapshot  # noqa: PLC0415

    told = {
        "path": f"label-studio:{arguments.title}",
        "format": "label_studio",
        "licence": arguments.licence,
    }
    source = parse(told, Source, "source")
    terms = Terms(source, arguments.name, arguments.by or getpass.getuser(), datetime.now(UTC))
    taken = take_snapshot(
        Store.create(arguments.store), dataset_from(settled, rules, folder), terms
    )
    print(f"{arguments.store}@{arguments.name}: {taken.digest[:12]}, {taken.images} images")
    if taken.change is not None:
        for line in _change_told(taken.change):
            print(line)


def _agreement_told(tally: "Tally") -> Iterator[str]:
    from labeling.agreement import NOTHING  # noqa: PLC0415

    for (one, other), (images, agreed) in sorted(tally.images.items()):
        yield f"{_plain(one)} and {_plain(other)} agree on {agreed} of {images} images"
    if tally.mean_iou is not None:
        yield f"mean IoU of the boxes that both drew: {tally.mean_iou:.3f}"
    for name, value in tally.by_class().items():
        yield f"  {_plain(name):<24} agreement {value:.3f}"
    for (one, other), count in tally.different.most_common(_MOST_TOLD):
        between = (
            f"only one drew {_plain(other)}"
            if one == NOTHING
            else f"{_plain(one)} or {_plain(other)}"
        )
        yield f"  {count} times: {between}"


def _queue_told(settlement: "Settlement", project: str) -> Iterator[str]:
    if settlement.contested:
        yield (
            f"for adjudication, in the tab of that name at {project}: star the answer that is "
            "right, or correct until all agree"
        )
    for each in settlement.contested[:_MOST_TOLD]:
        yield f"  task {each.id}: {', '.join(map(_plain, each.people))}"
    if len(settlement.contested) > _MOST_TOLD:
        yield f"  and {len(settlement.contested) - _MOST_TOLD} more"


def _change_told(change: "Comparison") -> Iterator[str]:
    if not change:
        yield "  as it was before"
        return
    difference = change.difference
    yield (
        f"  since {change.before[:12]}: {len(difference.added)} images added, "
        f"{len(difference.changed)} changed, {len(difference.removed)} removed"
    )
    for image in difference.changed[:_MOST_TOLD]:
        yield f"  {_plain(image.after[0].names[0])}: {_plain(image.words)}"
    for name, (before, after) in change.counts.items():
        yield f"  {_plain(name):<24} {before} -> {after}"


def _plain(text: str) -> str:
    """Returns text from outside so that it cannot steer a terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]
