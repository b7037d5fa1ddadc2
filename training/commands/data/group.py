"""`beltmark-train data WORD`: what is done to data before training; each word has its module."""

import argparse

from training.commands.data import add as adding
from training.commands.data import (
    check,
    compose,
    diff,
    export,
    forget,
    listing,
    merge,
    preview,
    show,
    split,
    verify,
)

_WORDS = (
    show,
    check,
    compose,
    adding,
    merge,
    diff,
    listing,
    verify,
    export,
    forget,
    split,
    preview,
)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its words."""
    data = commands.add_parser("data", help="look after datasets")
    words = data.add_subparsers(required=True, metavar="WORD")
    for word in _WORDS:
        word.add(words)
