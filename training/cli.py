"""`beltmark-train`: looks after data, trains, evaluates, and makes releases.

Joins the commands; each has its module in `commands/`, which reads arguments and prints.
"""

import argparse
import logging
import sys

from beltmark.command import run_command
from training.commands import (
    charter,
    compare,
    evaluate,
    gate,
    operating_point,
    release,
    run,
    soup,
    track,
)
from training.commands.data import group as data

_COMMANDS = (charter, data, run, soup, evaluate, compare, operating_point, gate, release, track)


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0 done, 1 no, 2 bad input, 130 stopped."""
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("training").setLevel(logging.INFO)  # libraries tell their own steps at INFO
    return run_command(_parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="beltmark-train", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
