"""The state of a run, and its checkpoint: all that the next step depends on."""

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from beltmark.contract.documents import sync
from beltmark.contract.errors import InputError
from beltmark.contract.package import Task
from training.early_stopping import EarlyStopping
from training.model.backbones import DEFAULT
from training.objective import Network, has_context, make_network

CHECKPOINT = "last.pt"


@dataclass
class RunState:
    """All that changes while a run goes on.

    Attributes:
        network: What learns.
        average: Running average of its weights, which is the result.
        optimiser: With its moments.
        step: Steps done.
        backbone: Its name, for whoever reads the checkpoint without the configuration.
        stopping: Ends it early, where that is wanted.
    """

    network: Network
    average: Network
    optimiser: torch.optim.Optimizer
    step: int
    backbone: str
    stopping: EarlyStopping | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it was ended early."""
        return self.stopping is not None and self.stopping.is_over


def save_checkpoint(state: RunState, path: Path, fingerprint: str) -> None:
    """Writes the run's state, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.save(
        {
            "fingerprint": fingerprint,
            "step": state.step,
            "backbone": state.backbone,
            "context": has_context(state.network),
            "network": state.network.state_dict(),
            "average": state.average.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "stopping": None if state.stopping is None else state.stopping.state(),
        },
        temporary,
    )
    sync(temporary)
    os.replace(temporary, path)
    sync(path.parent)


def load_checkpoint(state: RunState, path: Path, fingerprint: str) -> None:
    """Brings a fresh state to where the checkpoint was written.

    Raises:
        InputError: It is missing, damaged, or of another configuration or data.
    """
    if not path.is_file():
        raise InputError("no checkpoint to resume from", "start without --resume", file=path)
    try:
        saved: dict[str, Any] = torch.load(path, weights_only=True)
        found = saved["fingerprint"]
    except Exception as error:  # torch's reader raises many kinds for damaged files
        raise InputError(
            f"not a readable checkpoint: {' '.join(str(error).split())[:120]}",
            "start without --resume",
            file=path,
        ) from None
    if found != fingerprint:
        raise InputError(
            "was written with another configuration or other data",
            "resume with the same, or start without --resume",
            file=path,
        )
    state.network.load_state_dict(saved["network"])
    state.average.load_state_dict(saved["average"])
    state.optimiser.load_state_dict(saved["optimiser"])
    state.step = int(saved["step"])
    if state.stopping is not None:
        state.stopping.load(saved["stopping"])


def averaged_network(path: Path, task: Task, classes: int, *, mend: str) -> Network:
    """Returns the network that is a run's result, ready for use.

    Args:
        path: The run's checkpoint.
        task: What it is to answer.
        classes: How many it is to know.
        mend: What to do where it is not such a checkpoint.

    Raises:
        InputError: Missing, no checkpoint, or of another network.
    """
    if not path.is_file():
        raise InputError("no such file", "check the path", file=path)
    if not zipfile.is_zipfile(path):
        raise InputError("not a checkpoint", mend, file=path)
    try:
        held = torch.load(path, weights_only=True, map_location="cpu")
        backbone = held.get("backbone", DEFAULT)  # earlier ones knew no other
        network = make_network(
            task, backbone, classes, has_context=bool(held.get("context", False))
        )
        network.load_state_dict(held["average"])
    except Exception as error:  # torch raises what its archive's layers raise
        raise InputError(
            f"not a checkpoint of this model: {' '.join(str(error).split())[:160]}", mend, file=path
        ) from None
    stopping = held.get("stopping")
    if stopping is not None and stopping["best"] is not None:
        network.load_state_dict(stopping["best"])
    network.eval()
    return network
