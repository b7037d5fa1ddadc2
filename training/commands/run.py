"""`beltmark-train run`: trains a model and proves it."""

import argparse
import sys
from pathlib import Path

from beltmark.command import INTERRUPTED


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    run = commands.add_parser("run", help="train a model and prove it: from TOML to package")
    run.add_argument("config", type=Path)
    run.add_argument("--out", type=Path, help="folder for the results (default: runs/NAME)")
    run.add_argument("--resume", action="store_true", help="go on from the folder's last.pt")
    run.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> int:
    # Torch takes seconds to load; the other commands do without it.
    from training.engine import CHECKPOINT, Interrupted  # noqa: PLC0415
    from training.run import run  # noqa: PLC0415

    folder = arguments.out or Path("runs") / arguments.config.stem
    try:
        package = run(arguments.config, folder, resume=arguments.resume)
    except Interrupted:
        print(f"stopped; go on with --resume ({folder / CHECKPOINT})", file=sys.stderr)
        return INTERRUPTED
    print(package.folder)
    return 0
