"""What the words about snapshots share: who is at it, text that can be printed."""

import argparse
import getpass
from pathlib import Path
from typing import Final

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


def told_name(name: str | None, digest: str, store: Path) -> str:
    """Returns how to name a snapshot from now on."""
    return f"{store}@{name or digest[:SHORT]}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
