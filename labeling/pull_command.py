"""`beltmark-label pull`: arguments and printing; the work is in `harvest`."""

import argparse
import getpass
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beltmark.command import between, whole
from labeling.project_commands import add_project, counting
from labeling.studio_commands import open_studio

if TYPE_CHECKING:
    from beltmark.datasets.snapshots.comparing import Comparison
    from labeling.adjudication import Settlement
    from labeling.agreement import Tally
    from labeling.harvest import HarvestPlan

_MOST_TOLD = 20


def add_pull_parser(commands: Any) -> None:
    """Adds the command to a parser's subparsers."""
    pull = commands.add_parser("pull", help="annotations to a snapshot; who disagrees with whom")
    add_harvest(pull)
    add_project(pull)
    pull.set_defaults(command=_pull)


def add_harvest(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that say what a pull is for."""
    parser.add_argument("store", type=Path, metavar="STORE", help="folder of snapshots; made anew")
    parser.add_argument("--name", default="labelled", help="of the snapshot (default: labelled)")
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER", help="keeps what was pulled (default: STORE-pulled)"
    )
    parser.add_argument(
        "--answers", type=whole(1, 20), default=1, metavar="N",
        help="so many people must have annotated an image (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--iou", type=between(0.05, 1), default=0.5, metavar="P",
        help="from which on two boxes are of one thing (default: 0.5)",
    )  # fmt: skip
    parser.add_argument("--licence", help="under which the images may be used")
    parser.add_argument("--by", default=None, metavar="WHO", help="who makes the snapshot (you)")


def harvest_plan(arguments: argparse.Namespace) -> "HarvestPlan":
    """Returns what the arguments of `add_harvest` say."""
    from labeling.harvest import HarvestPlan  # noqa: PLC0415

    store: Path = arguments.store
    return HarvestPlan(
        store,
        arguments.work or store.with_name(f"{store.name}-pulled"),
        arguments.name,
        arguments.by or getpass.getuser(),
        arguments.answers,
        arguments.iou,
        arguments.licence,
    )


def _pull(arguments: argparse.Namespace) -> int:
    from datetime import UTC, datetime  # noqa: PLC0415

    from labeling.gold import told  # noqa: PLC0415
    from labeling.harvest import harvest  # noqa: PLC0415
    from labeling.projects import find_project  # noqa: PLC0415

    plan = harvest_plan(arguments)
    studio = open_studio(arguments)
    project = find_project(studio, arguments.title)
    done = harvest(studio, project, plan, lambda: datetime.now(UTC), counting)
    pulled, settlement = done.pulled, done.settlement
    print(
        f"{pulled.changed} tasks changed, {pulled.gone} are gone: "
        f"{len(settlement.settled)} settled, {len(settlement.contested)} contested, "
        f"{len(settlement.unusable)} unusable, {settlement.waiting} wait for annotations"
    )
    for line in _agreement_told(settlement.tally):
        print(line)
    for person, line in told(settlement.accuracy):
        print(f"{_plain(person)} on {line}")
    for line in _queue_told(settlement, f"{studio.address}/projects/{project.id}"):
        print(line)
    for problem in done.problems:
        print(f"{problem}: left out", file=sys.stderr)
    if (taken := done.taken) is not None:
        print(f"{plan.store}@{plan.name}: {taken.digest[:12]}, {taken.images} images")
        if taken.change is not None:
            for line in _change_told(taken.change):
                print(line)
    return 1 if done.problems else 0


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
