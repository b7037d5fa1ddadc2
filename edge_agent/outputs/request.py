"""A person's word that something was seen to, from another process: a file that the agent takes.

Says nothing of who may: who can write the station's data folder can.
"""

from pathlib import Path
from typing import Final, Literal, get_args

SeenTo = Literal["divert", "applicator", "scan"]
"""divert: The items whose divert was not confirmed are off the belt.
applicator: Nothing lies at the applicator.
scan: The items for which the scan after printing stopped the line were looked at."""

KINDS: Final[tuple[SeenTo, ...]] = get_args(SeenTo)


def ask_for_release(folder: Path, what: SeenTo) -> None:
    """Leaves word in a station's data folder."""
    _path(folder, what).touch()


def taken_releases(folder: Path) -> list[SeenTo]:
    """Returns what was left, once."""
    found: list[SeenTo] = []
    for what in KINDS:
        try:
            _path(folder, what).unlink()
        except OSError:
            continue
        found.append(what)
    return found


def _path(folder: Path, what: SeenTo) -> Path:
    return folder / f"release-{what}"
