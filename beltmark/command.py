"""How Beltmark's commands run: bad input ends in one line and a code, never in a traceback.

For every part's `main`. Standard library alone, so that asking for help stays quick; what a command
does is left to its part.
"""

import argparse
import io
import math
import os
import sys
from collections.abc import Callable
from typing import Final

from beltmark.contract.errors import InputError

BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
"""Exit code of a process that Ctrl-C ended, as shells have it."""

_MAX_DIGITS: Final = 30
_MAX_PICTURE_PIXELS: Final = 64 * 1024 * 1024


def limit_pictures() -> None:
    """Bounds the pictures that OpenCV decodes in this process; call it before that is loaded.

    A few bytes can claim to be a picture of gigabytes.
    """
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(_MAX_PICTURE_PIXELS))


def run_command(parser: argparse.ArgumentParser, argv: list[str] | None = None) -> int:
    """Reads arguments and runs the function that they carry as `command`.

    Args:
        parser: Sets `command` to a function that takes the arguments and returns an exit code.
        argv: What the user typed; without it, this process's own arguments.

    Returns:
        The exit code: the command's own, 2 for bad input, 130 for Ctrl-C.

    Raises:
        SystemExit: The arguments are wrong (2), or help was asked for (0).
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal's alphabet may be small
    arguments = parser.parse_args(argv)
    try:
        code: int = arguments.command(arguments)
        sys.stdout.flush()  # here, not when Python ends: who reads may be gone
    except InputError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has seen enough
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        told = error.strerror or error
        print(f"{where}{told} (free the disk, check path and permissions)", file=sys.stderr)
        return BAD_INPUT
    return code


def whole(low: int, high: int) -> Callable[[str], int]:
    """Reads an argument that is a whole number within bounds, both included."""

    def read(text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
        value = int(text) if is_number else low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return value

    return read


def between(low: float, high: float) -> Callable[[str], float]:
    """Reads an argument that is a number within bounds, both included."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {low:g} to {high:g}")
        return value

    return read


def seconds(text: str) -> float:
    """Reads an argument that is a length of time."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no time in seconds")
    return value
