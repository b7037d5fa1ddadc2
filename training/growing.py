"""Shows images small at first: early steps cost little, and what is coarse is learnt from them.

Progressive learning (Tan and Le, EfficientNetV2, ICML 2021, section 4), without its growing
regularisation.
"""

from dataclasses import replace

from torch.nn import functional

from training.data.batches import Batch

GROWN_AT = 2 / 3
"""Share of the steps after which images have their whole size; normalisation settles there."""

_GRID_PX = 32


def side_at(side_px: int, done: float, first_size: float) -> int:
    """Returns the side that images are shown at, a multiple of 32.

    Args:
        side_px: Of the model's input, a multiple of 32.
        done: Share of the steps that are done, 0..1.
        first_size: Share of the side that is shown at first.
    """
    share = first_size + (1 - first_size) * min(done / GROWN_AT, 1)
    return min(max(round(side_px * share / _GRID_PX), 1) * _GRID_PX, side_px)


def shown_at(batch: Batch, done: float, first_size: float) -> Batch:
    """Returns a batch of whole images as large as they are to be seen now; no box is scaled."""
    height, width = (side_at(side, done, first_size) for side in batch.images.shape[1:3])
    if (height, width) == tuple(batch.images.shape[1:3]):
        return batch
    small = functional.interpolate(
        batch.images.permute(0, 3, 1, 2), (height, width), mode="bilinear", antialias=True
    )
    return replace(batch, images=small.permute(0, 2, 3, 1))
