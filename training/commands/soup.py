"""`beltmark-train soup`: one package of several runs."""

import argparse
from pathlib import Path


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    soup = commands.add_parser(
        "soup",
        help="average the weights of several runs, and prove the result as a run does",
        description="Averages runs that began alike (the same backbone, other seeds or settings): "
        "the best first, then each that does no harm on the images of validation.",
    )
    soup.add_argument("config", type=Path, help="of one of the runs: its data and its package")
    soup.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder, or its last.pt")
    soup.add_argument("--out", type=Path, required=True, help="folder for the results")
    soup.set_defaults(command=_soup)


def _soup(arguments: argparse.Namespace) -> int:
    from training.soup_run import run_soup  # noqa: PLC0415 - torch takes seconds to load

    print(run_soup(arguments.config, arguments.runs, arguments.out).folder)
    return 0
