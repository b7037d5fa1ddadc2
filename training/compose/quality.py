"""Says what a cut is worth, and what is wrong with it, so that a person knows what to retake.

Pure: from picture and mask alone.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.compose.masks import Mask
from training.compose.surface import FloatArray, lab

LEAST_SIDE_PX = 24
"""A product shorter than this has no detail to learn from."""

FILLED_SHARE = (0.003, 0.92)
"""Share of the picture that a product fills; outside of this it was not told from its surface."""

BOX_FILLED_SHARE = 0.3
"""Share of the smallest box around it, however turned: bananas fill half of it."""

TOUCHING_SHARE = 0.02
TIGHT_SHARE = 0.3
"""Share of the outline that may lie on the picture's border: in a picture of a belt the product is
cut there, a studio picture may only be trimmed to the product."""

RAGGED = 1.35
"""How much longer than its smoothed twin an outline may be."""

RING_PX = 3
VISIBLE_STEP = 4.0
"""Difference of colour (CIE76) across the outline that is seen as an edge."""

EDGE_SHARE = 0.5
"""Share of the outline at which an edge must be seen."""

SHARP = 12.0
"""Standard deviation of the second derivative of L* within the product at which it is sharp."""


@dataclass(frozen=True)
class Quality:
    """What a cut is worth.

    Attributes:
        score: 0..1; the product of how well each requirement is met.
        faults: What a person should mend, in words; any of them makes the cut useless.
        truncated: The picture's border cuts the product.
    """

    score: float
    faults: tuple[str, ...]
    truncated: bool

    @property
    def good(self) -> bool:
        """Whether the cut may be used."""
        return not self.faults


def judge(image_bgr: NDArray[np.uint8], mask: Mask, *, trimmed: bool = False) -> Quality:
    """Judges the cut of one product.

    Args:
        image_bgr: uint8 [H, W, 3].
        mask: uint8 [H, W], 255 on the product.
        trimmed: It is a studio picture, which may be trimmed to the product.
    """
    area = int((mask > 0).sum())
    if not area:
        return Quality(0.0, ("no product found: it hardly differs from what it lies on",), False)
    _, _, width, height = cv2.boundingRect(mask)
    share = area / mask.size
    touching = _touching_share(mask)
    may_touch = TIGHT_SHARE if trimmed else TOUCHING_SHARE
    raggedness = _raggedness(mask)
    edge = _edge_share(lab(image_bgr), mask)
    # Contours are judged, not details: a plain white cup has none.
    faults = []
    if min(width, height) < LEAST_SIDE_PX:
        faults.append(f"too small: {width}x{height} pixels; go nearer")
    if not FILLED_SHARE[0] <= share <= FILLED_SHARE[1]:
        faults.append(f"fills {share:.0%} of the picture: not told from what it lies on")
    _, around, _ = cv2.minAreaRect(cv2.findNonZero(mask))
    if area < BOX_FILLED_SHARE * around[0] * around[1]:
        faults.append("fills little of its own box: a part is missing, or a shadow was taken")
    if touching > may_touch:
        faults.append("cut by the picture's border; show the whole product")
    if raggedness > RAGGED:
        faults.append("ragged outline; use a surface of another colour, and soft light")
    if edge < EDGE_SHARE:
        faults.append(f"only {edge:.0%} of its outline is seen; use a surface of another colour")
    score = (
        float(np.clip(edge, 0, 1)) * float(np.clip(1 / raggedness, 0, 1)) * (1 - min(touching, 1.0))
    )
    return Quality(round(score, 3), tuple(faults), touching > may_touch)


def sharpness(image_bgr: NDArray[np.uint8], mask: Mask) -> float:
    """Returns 0..1: how much detail is within the mask, for choosing among cuts of one class."""
    inside = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0
    if not inside.any():
        return 0.0
    detail = cv2.Laplacian(lab(image_bgr)[..., 0], cv2.CV_32F)[inside]
    return float(min(detail.std() / SHARP, 1.0))


def _touching_share(mask: Mask) -> float:
    ends = np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])
    outline = cv2.morphologyEx(
        np.pad(mask, 1),
        cv2.MORPH_GRADIENT,
        np.ones((3, 3), np.uint8),
    )
    return float((ends > 0).sum() / max((outline > 0).sum() / 2, 1.0))


def _raggedness(mask: Mask) -> float:
    """Length of the outline against that of the same shape with its corners worn off."""
    side = float(np.sqrt((mask > 0).sum()))
    sigma = max(side * 0.04, 1.0)
    margin = int(3 * sigma) + 1
    framed = np.pad(mask, margin)
    worn = (cv2.GaussianBlur(framed, (0, 0), sigma) > 127).astype(np.uint8)
    # A light blur first: the staircase of a slanting edge is no raggedness.
    own = (cv2.GaussianBlur(framed, (0, 0), 1.0) > 127).astype(np.uint8)
    return max(_length(own) / max(_length(worn), 1.0), 1.0)


def _length(mask: Mask) -> float:
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_TC89_KCOS)
    return sum(cv2.arcLength(outline, True) for outline in outlines)


def _edge_share(seen: FloatArray, mask: Mask) -> float:
    """Share of the outline across which the colour changes visibly within a few pixels."""
    smooth = cv2.GaussianBlur(seen, (0, 0), 1.0)
    ring = np.ones((2 * RING_PX + 1,) * 2, np.uint8)
    low, high = cv2.erode(smooth, ring), cv2.dilate(smooth, ring)
    step = np.linalg.norm(high - low, axis=2)
    outline = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    return float((step[outline] >= VISIBLE_STEP).mean()) if outline.any() else 0.0
