"""`beltmark-train track`: sends to MLflow what could not be sent while a run went on."""

import argparse
from pathlib import Path

from beltmark.contract.errors import InputError
from training.tracking.record import RECORD
from training.tracking.tracker import tracking_uri


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    track = commands.add_parser("track", help="send a run's record to MLflow, if that was away")
    track.add_argument("folder", type=Path, help="the run's folder")
    track.set_defaults(command=_track)


def _track(arguments: argparse.Namespace) -> int:
    from training.tracking.delivery import deliver  # noqa: PLC0415

    record = arguments.folder / RECORD
    if not record.is_file():
        raise InputError("no such record", "give the folder of a tracked run", file=record)
    uri = tracking_uri(arguments.folder)
    shown = uri.split("@")[-1]
    try:
        rows = deliver(record, uri)
    except Exception as error:  # whatever a database, a server or a network can raise
        told = " ".join(str(error).split())[:200]
        raise InputError(
            f"not delivered: {told}", "start the server, or set MLFLOW_TRACKING_URI", file=shown
        ) from None
    print(f"{rows} rows delivered to {shown}")
    return 0
