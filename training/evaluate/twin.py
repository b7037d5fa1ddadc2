"""The trained network as torch runs it, behind the same stages as the detector. Loads torch."""

import zipfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from beltmark.contract.errors import InputError
from beltmark.contract.package import Manifest
from edge_agent.vision.postprocess import Candidates
from training.export import core_of
from training.model.backbones import DEFAULT
from training.model.detector import normalised
from training.objective import make_network

_MEND = "give last.pt of the run that made the package"


class TorchTwin:
    """A checkpoint's averaged network, which is what was exported."""

    def __init__(self, checkpoint: Path, manifest: Manifest) -> None:
        """Loads the weights.

        Args:
            checkpoint: `last.pt` of the run that made the package.
            manifest: The package's.

        Raises:
            InputError: Missing, no checkpoint, or of another network.
        """
        if not checkpoint.is_file():
            raise InputError("no such file", "check the path", file=checkpoint)
        if not zipfile.is_zipfile(checkpoint):
            raise InputError("not a checkpoint", _MEND, file=checkpoint)
        try:
            held = torch.load(checkpoint, weights_only=True, map_location="cpu")
            backbone = held.get("backbone", DEFAULT)  # earlier ones knew no other
            network = make_network(manifest.task, backbone, len(manifest.classes))
            network.load_state_dict(held["average"])
        except Exception as error:  # torch raises what its archive's layers raise
            raise InputError(
                f"not a checkpoint of this model: {' '.join(str(error).split())[:160]}",
                _MEND,
                file=checkpoint,
            ) from None
        self._core = core_of(network, manifest.input)

    @torch.inference_mode()
    def infer(self, model_input: NDArray[np.uint8]) -> Candidates:
        """As the detector's second stage: from uint8 [1, H, W, 3]."""
        outputs = self._core(normalised(torch.from_numpy(model_input)))
        return Candidates(*(output[0].numpy() for output in outputs))
