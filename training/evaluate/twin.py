"""The trained network as torch runs it, behind the same stages as the detector. Loads torch."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from beltmark.contract.package import Manifest
from edge_agent.vision.postprocess import Candidates
from training.checkpoints import averaged_network
from training.export import core_of
from training.model.detector import normalised


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
        network = averaged_network(
            checkpoint,
            manifest.task,
            len(manifest.classes),
            mend="give last.pt of the run that made the package",
        )
        self._core = core_of(network, manifest.input)

    @torch.inference_mode()
    def infer(self, model_input: NDArray[np.uint8]) -> Candidates:
        """As the detector's second stage: from uint8 [1, H, W, 3]."""
        outputs = self._core(normalised(torch.from_numpy(model_input)))
        return Candidates(*(output[0].numpy() for output in outputs))
