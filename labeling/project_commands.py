"""`beltmark-label project`: arguments and printing; the work is beside it."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beltmark.command import between, whole
from beltmark.contract.errors import InputError
from labeling.studio_commands import add_connection, open_studio

if TYPE_CHECKING:
    from labeling.site import Site

DEFAULT_TITLE = "Beltmark"


def add_project_parsers(commands: Any) -> None:
    """Adds the command to a parser's subparsers."""
    project = commands.add_parser("project", help="make the project, or let it follow its classes")
    project.add_argument("classes", type=Path, metavar="CATALOGUE.csv", help="or COCO, or list")
    project.add_argument(
        "--answers", type=whole(1, 20), metavar="N", help="let N people annotate each image"
    )
    add_project(project)
    project.set_defaults(command=_project)


def add_champion(parser: argparse.ArgumentParser, *, is_required: bool = False) -> None:
    """Adds the arguments that say which model looks at images."""
    parser.add_argument(
        "--package", type=Path, metavar="FOLDER", required=is_required,
        help="the champion's package",
    )  # fmt: skip
    parser.add_argument(
        "--min-score", type=between(0, 1), default=0.25, metavar="P",
        help="show the champion's boxes from this probability on (default: 0.25)",
    )  # fmt: skip


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that say how images are chosen."""
    parser.add_argument(
        "--random-share", type=between(0, 1), default=0.2, metavar="P",
        help="of them, drawn at random for honest estimates (default: 0.2)",
    )  # fmt: skip
    parser.add_argument("--seed", type=whole(0, 2**32), default=0, metavar="N")


def add_cache(parser: argparse.ArgumentParser) -> None:
    """Adds the argument that says where it is kept what models saw."""
    parser.add_argument(
        "--cache", type=Path, metavar="FOLDER", help="keeps what models saw (default: ~/.cache)"
    )


def cache_of(arguments: argparse.Namespace) -> Path:
    """Returns the folder that keeps what models saw."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return arguments.cache or Path(base) / "beltmark" / "label"


def add_site(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that say whose stations' samples are fetched."""
    parser.add_argument("--site", metavar="URL", help="the fleet server whose samples are fetched")
    parser.add_argument("--token-file", type=Path, metavar="F", help="holds the site's admin token")


def site_of(arguments: argparse.Namespace) -> "Site | None":
    """Returns the site that was named, if any.

    Raises:
        InputError: Only half of it was.
    """
    from labeling.site import Site, read_token  # noqa: PLC0415

    if bool(arguments.site) != bool(arguments.token_file):
        raise InputError("a site belongs to its token", "give both --site and --token-file")
    return Site(arguments.site, read_token(arguments.token_file)) if arguments.site else None


def site_folder(arguments: argparse.Namespace) -> Path:
    """Returns where a push keeps what a site forgets meanwhile."""
    from beltmark.contract.documents import sha256_of  # noqa: PLC0415

    return cache_of(arguments) / f"samples-{sha256_of(arguments.site.encode())[:16]}"


def add_project(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that say which project, of which Label Studio."""
    parser.add_argument("--title", default=DEFAULT_TITLE, help=f"(default: {DEFAULT_TITLE})")
    add_connection(parser)


def _project(arguments: argparse.Namespace) -> int:
    from labeling.classes import read_classes  # noqa: PLC0415
    from labeling.projects import ensure_project  # noqa: PLC0415

    names = [row["name"] for row in read_classes(arguments.classes)]
    studio = open_studio(arguments)
    change = ensure_project(studio, arguments.title, names)
    if arguments.answers:
        studio.set_overlap(change.project.id, arguments.answers)
    told = [f"{change.what}"]
    if change.added:
        told.append(f"added {', '.join(change.added)}")
    if change.removed:
        told.append(f"removed {', '.join(change.removed)}, which nobody used")
    print(f"{studio.address}/projects/{change.project.id}: {'; '.join(told)}")
    return 0


@contextmanager
def counting(what: str, total: int | None) -> Iterator[Any]:
    """Shows a bar on terminals; gives what to call with how many are done."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task(what, total=total)
        yield lambda count: progress.update(bar, advance=count)
