"""`beltmark-label push`: arguments and printing; the work is in `push`."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beltmark.command import between, whole
from beltmark.contract.errors import InputError
from labeling.project_commands import (
    add_cache,
    add_champion,
    add_choice,
    add_project,
    add_site,
    cache_of,
    counting,
    site_folder,
    site_of,
)
from labeling.studio_commands import open_studio

if TYPE_CHECKING:
    from collections.abc import Collection

    from labeling.champion import Champion
    from labeling.push import Gold
    from labeling.sources import Supply
    from labeling.views import Models


def add_push_parser(commands: Any) -> None:
    """Adds the command to a parser's subparsers."""
    push = commands.add_parser("push", help="images to tasks, with the champion's boxes")
    push.add_argument(
        "dataset", type=Path, metavar="DATASET", nargs="?", help="or STORE@NAME, or a folder"
    )
    add_site(push)
    push.add_argument("--format", metavar="NAME", help="of the dataset, where it can't be told")
    add_champion(push)
    push.add_argument(
        "--challenger", type=Path, metavar="FOLDER",
        help="another package: where the two see different boxes, an image is worth more",
    )  # fmt: skip
    push.add_argument(
        "--labelled", type=Path, metavar="DATASET",
        help="what is labelled already, such as STORE@NAME (default: the tasks that are there)",
    )  # fmt: skip
    push.add_argument(
        "--budget", type=whole(1, 1_000_000), default=500, metavar="N",
        help="at most so many new tasks (default: 500)",
    )  # fmt: skip
    add_choice(push)
    push.add_argument(
        "--gold", type=Path, metavar="DATASET",
        help="images whose boxes are known, such as STORE@NAME: some are mixed among the tasks, "
        "and `pull` tells how near to them each person comes",
    )  # fmt: skip
    push.add_argument(
        "--gold-share", type=between(0, 1), default=0.05, metavar="P",
        help="so many, as a part of the new tasks (default: 0.05)",
    )  # fmt: skip
    add_cache(push)
    add_project(push)
    push.set_defaults(command=_push)


def _push(arguments: argparse.Namespace) -> int:
    from labeling.project_config import class_names_of  # noqa: PLC0415
    from labeling.projects import find_project  # noqa: PLC0415
    from labeling.push import Pushed, PushPlan, push  # noqa: PLC0415
    from labeling.registering import TITLE  # noqa: PLC0415

    studio = open_studio(arguments)
    project = find_project(studio, arguments.title)
    names = set(class_names_of(project.config, studio.address))
    gold = _gold(arguments, names)
    supplies, problems = _supplies(arguments)
    pushed = Pushed(problems=problems)
    with _opened(arguments, names) as (champion, models):
        total = sum(len(each.dataset.images) for each in supplies)
        if models is not None and models.labelled is not None:
            total += len(models.labelled.images)
        with counting("looking", total) as advance:
            for supply in supplies:
                left = arguments.budget - pushed.made
                plan = PushPlan(left, arguments.random_share, arguments.seed, supply.reason)
                pushed += push(
                    studio, project.id, supply.dataset, plan,
                    eyes=models, gold=gold, advance=advance,
                )  # fmt: skip
    if champion and pushed.made and project.shown != TITLE:
        studio.show_predictions(project.id, champion.version)
    for problem in pushed.problems:
        print(problem, file=sys.stderr)
    told = f" with predictions of {champion.version}" if champion and pushed.made else ""
    hidden = f", {pushed.gold} of them gold" if gold is not None else ""
    print(
        f"{studio.address}/projects/{project.id}: {pushed.made} new tasks{told}{hidden}, "
        f"{pushed.there} images were there, {pushed.waiting} wait for another push, "
        f"{len(pushed.problems)} left out"
    )
    if pushed.known:
        print(f"{pushed.known} images are of the gold: what is in them is known")
    if gold is not None and pushed.made and not pushed.gold:
        print(f"{arguments.gold}: all of it is in the project: give more", file=sys.stderr)
    return 1 if pushed.problems else 0


def _supplies(arguments: argparse.Namespace) -> "tuple[list[Supply], list[str]]":
    """What is to be pushed, and what of it could not be fetched: what people corrected first."""
    from labeling.samples import read_images  # noqa: PLC0415
    from labeling.sources import StationSource, Supply  # noqa: PLC0415

    site = site_of(arguments)
    if site is None and arguments.dataset is None:
        raise InputError("there is nothing to push", "give DATASET, or --site", field="DATASET")
    supplies: list[Supply] = []
    problems: list[str] = []
    if site is not None:
        stations = StationSource(site, site_folder(arguments))
        problems += stations.refresh()
        supplies += stations.read()
    if arguments.dataset is not None:
        supplies.append(Supply(read_images(arguments.dataset, arguments.format)))
    return supplies, problems


def _gold(arguments: argparse.Namespace, names: "Collection[str]") -> "Gold | None":
    from beltmark.datasets.opening import read_dataset  # noqa: PLC0415
    from labeling.importing import check_known  # noqa: PLC0415
    from labeling.push import Gold  # noqa: PLC0415

    if arguments.gold is None or not arguments.gold_share:
        return None
    dataset = read_dataset(arguments.gold)
    check_known(dataset, names)
    return Gold(dataset, arguments.gold_share)


@contextmanager
def _opened(
    arguments: argparse.Namespace, names: set[str]
) -> "Iterator[tuple[Champion | None, Models | None]]":
    """Opens the packages and what they saw before."""
    from beltmark.datasets.opening import read_dataset  # noqa: PLC0415
    from labeling.champion import Champion  # noqa: PLC0415
    from labeling.looks import Looks  # noqa: PLC0415
    from labeling.rounds import check_classes  # noqa: PLC0415
    from labeling.views import Models  # noqa: PLC0415

    if arguments.package is None:
        for name in ("challenger", "labelled"):
            if getattr(arguments, name) is not None:
                raise InputError(
                    "ranks images beside a champion", "give --package, too", field=f"--{name}"
                )
        yield None, None
        return
    cache = cache_of(arguments)
    with ExitStack() as opened:

        def open_package(folder: Path) -> tuple[Champion, Looks]:
            champion = Champion(folder, names, arguments.min_score)
            for told in check_classes(champion.classes, names, str(folder)):
                print(told, file=sys.stderr)
            return champion, opened.enter_context(closing(Looks(cache, champion.key(names))))

        champion, looks = open_package(arguments.package)
        challenger, others = None, None
        if arguments.challenger is not None:
            challenger, others = open_package(arguments.challenger)
        labelled = None if arguments.labelled is None else read_dataset(arguments.labelled)
        yield champion, Models(champion, looks, challenger, others, labelled)
