"""Keeps the models that a run made after training, so that a killed run goes on behind them.

What the stages do is left to `run`; training has its own checkpoint.
"""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import onnx

from beltmark.contract.documents import write_bytes

log = logging.getLogger(__name__)

FOLDER = "stages"


class Stages:
    """Models by name, in a folder of one run."""

    def __init__(self, folder: Path, identity: str, *, resume: bool) -> None:
        """Opens what an earlier start kept, or forgets it.

        Args:
            folder: The run's.
            identity: Of configuration and data; what was made of others is not used.
            resume: Use what is there.
        """
        self._folder = folder / FOLDER
        self._identity = identity[:16]
        if not resume:
            self.clear()

    def model(self, name: str, make: Callable[[], onnx.ModelProto]) -> onnx.ModelProto:
        """Returns the model that was kept under this name, or makes and keeps it."""
        path = self._folder / f"{name}-{self._identity}.onnx"
        if path.is_file():
            try:
                kept = onnx.load_from_string(path.read_bytes())
            except Exception:  # protobuf's reader raises kinds of its own
                log.warning("%s is damaged: made anew", path)
            else:
                log.info("%s: kept from before", name)
                return kept
        made = make()
        write_bytes(path, made.SerializeToString())
        return made

    def clear(self) -> None:
        """Removes what is kept."""
        shutil.rmtree(self._folder, ignore_errors=True)
