"""`beltmark-train run`: trains a model and proves it."""

import argparse
import sys
from pathlib import Path
from typing import get_args

from beltmark.command import INTERRUPTED, between
from beltmark.contract.errors import InputError
from beltmark.contract.package import Task

MINUTES = 60.0


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    run = commands.add_parser(
        "run",
        help="train a model and prove it: from TOML, or from data alone, to package",
        description="Trains what a configuration describes. With --data in its place, one is "
        "written that suits the data and this machine, into the folder for the results.",
    )
    run.add_argument("config", type=Path, nargs="?")
    run.add_argument("--data", type=Path, help="dataset of any known format, without a config")
    run.add_argument("--task", choices=get_args(Task), help="of --data: boxes or whole images")
    run.add_argument(
        "--minutes",
        type=between(1, 100_000),
        help=f"of --data: that the run may take (default: {MINUTES:g})",
    )
    run.add_argument("--out", type=Path, help="folder for the results (default: runs/NAME)")
    run.add_argument("--resume", action="store_true", help="go on from the folder's last.pt")
    run.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    if (arguments.config is None) == (arguments.data is None):
        raise InputError("nothing to train", "give a config, or --data and --task; not both")
    if arguments.data is not None and arguments.task is None:
        raise InputError("what is to be learned?", "name it: --task detect, or classify")
    if arguments.data is None and (arguments.task or arguments.minutes):
        raise InputError(
            "a configuration says itself what is learned and how long",
            "edit it, or leave --task and --minutes out",
            file=arguments.config,
        )
    # Torch takes seconds to load; the other commands do without it.
    from training.checkpoints import CHECKPOINT  # noqa: PLC0415
    from training.derive import name_of  # noqa: PLC0415
    from training.engine import Interrupted  # noqa: PLC0415
    from training.ranks import together  # noqa: PLC0415
    from training.run import run  # noqa: PLC0415
    from training.unconfigured import CONFIG, check_derived, write_derived  # noqa: PLC0415

    config: Path = arguments.config
    name = config.stem if arguments.data is None else name_of(arguments.data)
    folder = arguments.out or Path("runs") / name
    try:
        with together() as ranks:
            if arguments.data is not None:
                config = folder / CONFIG
                if arguments.resume and config.exists():
                    check_derived(config, arguments.data, arguments.task, arguments.minutes)
                elif ranks.leads:
                    minutes = arguments.minutes or MINUTES
                    write_derived(arguments.data, arguments.task, minutes, folder)
                ranks.any(True)  # the first has written it
                arguments.resume = arguments.resume and (folder / CHECKPOINT).exists()
            package = run(config, folder, resume=arguments.resume, ranks=ranks)
    except Interrupted:
        print(f"stopped; go on with --resume ({folder / CHECKPOINT})", file=sys.stderr)
        return INTERRUPTED
    if package is not None:
        print(package.folder)
    return 0
