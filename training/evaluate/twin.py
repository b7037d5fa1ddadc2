"""The trained network as torch runs it, behind the same stages as the detector. Loads torch."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from beltmark.contract.errors import InputError
from beltmark.contract.package import InputSpec
from edge_agent.vision.postprocess import Candidates
from training.model.backbones import DEFAULT, make_backbone
from training.model.detector import DetectionNetwork, normalised, places, to_boxes


class TorchTwin:
    """A checkpoint's averaged network, which is what was exported."""

    def __init__(self, checkpoint: Path, classes: int, spec: InputSpec) -> None:
        """Loads the weights.

        Args:
            checkpoint: `last.pt` of the run that made the package.
            classes: How many the package knows.
            spec: The package's input.

        Raises:
            InputError: Missing, no checkpoint, or of another network.
        """
        if not checkpoint.is_file():
            raise InputError("no such file", "check the path", file=checkpoint)
        network = DetectionNetwork(make_backbone(DEFAULT), classes)
        try:
            held = torch.load(checkpoint, weights_only=True, map_location="cpu")
            network.load_state_dict(held["average"])
        except Exception as error:  # torch raises what its archive's layers raise
            raise InputError(
                f"not a checkpoint of this model: {' '.join(str(error).split())[:160]}",
                "give last.pt of the run that made the package",
                file=checkpoint,
            ) from None
        network.eval()
        self._network = network
        self._centres, self._strides = places(spec.height_px, spec.width_px)

    @torch.inference_mode()
    def infer(self, model_input: NDArray[np.uint8]) -> Candidates:
        """As the detector's second stage: from uint8 [1, H, W, 3]."""
        raw = self._network(normalised(torch.from_numpy(model_input)))
        boxes = to_boxes(raw.distances, self._centres, self._strides)
        return Candidates(
            boxes[0].numpy(), raw.logits.sigmoid()[0].numpy(), raw.embedding[0].numpy()
        )
