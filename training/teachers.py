"""Networks that another one learns from: what they say of an image is more than its class.

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015, section 2. They look
at the very picture that the learner sees (Beyer et al., "Knowledge distillation: a good teacher is
patient and consistent", CVPR 2022).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from beltmark.contract.errors import InputError
from training.checkpoints import averaged_network
from training.config import DistillSettings


class Teachers:
    """What several networks say on average.

    Args:
        networks: Classifiers of the same classes.
        share: Of the loss that goes by them.
        temperature: Divides all logits.
    """

    def __init__(self, networks: Sequence[nn.Module], share: float, temperature: float) -> None:
        self._networks = networks
        self.share = share
        self._temperature = temperature

    @torch.no_grad()
    def answers(self, images: Tensor) -> Tensor:
        """Returns the mean probabilities [B, C] of images, `normalised` [B, 3, H, W]."""
        told = [network(images).logits.float() / self._temperature for network in self._networks]
        return torch.stack([logits.softmax(dim=1) for logits in told]).mean(dim=0)

    def loss(self, logits: Tensor, answers: Tensor) -> Tensor:
        """Returns how far logits [B, C] are from answers [B, C]: the divergence, a scalar.

        It is multiplied by the squared temperature, so that its gradients are as large as those of
        the data's loss.
        """
        ours = functional.log_softmax(logits / self._temperature, dim=1)
        apart = functional.kl_div(ours, answers, reduction="batchmean")
        return self._temperature**2 * apart


def load_teachers(settings: DistillSettings, classes: int) -> Teachers | None:
    """Loads the teachers of a run; None where there are none.

    Args:
        settings: Which.
        classes: How many the run has.

    Raises:
        InputError: A checkpoint is missing, damaged, or of other classes.
    """
    if not settings.teachers:
        return None
    try:
        networks = [
            averaged_network(
                path,
                "classify",
                classes,
                mend="give last.pt of a classifier of the same classes",
            )
            for path in settings.teachers
        ]
    except InputError as error:
        raise InputError(
            error.problem, error.mend, file=error.file, field="distill.teachers"
        ) from None
    return Teachers(networks, settings.share, settings.temperature)
