"""What the words about snapshots share: who is at it, a progress bar, text that can be printed."""

import argparse
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from beltmark.datasets.snapshots.objects import Progress

SHORT: Final = 12
"""So many digits of a digest are shown, and stand for it."""

SNAPSHOT_HELP: Final = "STORE@NAME, or STORE@DIGITS of its digest"


def add_author(parser: argparse.ArgumentParser) -> None:
    """Adds who is at it."""
    parser.add_argument("--by", default=_user(), metavar="WHO", help="who does it (you)")


def add_keep(parser: argparse.ArgumentParser) -> None:
    """Adds how image files come into a store."""
    parser.add_argument(
        "--keep",
        choices=("copy", "hardlink"),
        default="copy",
        help="copy image files (sharing blocks where the file system can), or link them: no room "
        "is taken, and the originals become read-only",
    )


def plain(text: object) -> str:
    """Returns text from outside so that it cannot steer a terminal."""
    told = str(text)
    return told if told.isprintable() else ascii(told)[1:-1]


@contextmanager
def progress_bar(what: str) -> Iterator[Progress]:
    """Shows how far it is, on a terminal only."""
    from rich.console import Console  # noqa: PLC0415 - asking for help stays quick
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Bar(
        TextColumn("{task.description}"),
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def told_name(name: str | None, digest: str, store: Path) -> str:
    """Returns how to name a snapshot from now on."""
    return f"{store}@{name or digest[:SHORT]}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
