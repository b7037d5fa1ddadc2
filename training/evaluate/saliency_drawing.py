"""Draws what a score rests on over the picture: the hotter, the more it does. Pure."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.station.geometry import BoxXyxyPx
from training.evaluate.saliency import Saliency

_STRENGTH = 0.6


def overlay(
    image_bgr: NDArray[np.uint8], saliency: Saliency, box_xyxy_px: BoxXyxyPx
) -> NDArray[np.uint8]:
    """Draws heat over the region that was looked at, and the box.

    Args:
        image_bgr: uint8 [height, width, 3], BGR: the whole picture.
        saliency: What was found out.
        box_xyxy_px: The object.

    Returns:
        uint8 [region's height, region's width, 3], BGR.
    """
    left, top, right, bottom = saliency.region_xyxy_px
    region = image_bgr[top:bottom, left:right]
    most = float(saliency.heat.max())
    heat = saliency.heat / most if most > 0 else saliency.heat
    colours = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)
    share = (_STRENGTH * heat)[..., None]
    grey = cv2.cvtColor(cv2.cvtColor(region, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    drawn = np.asarray(np.rint(grey * (1 - share) + colours * share), np.uint8)
    corners = [round(side) for side in box_xyxy_px]
    cv2.rectangle(
        drawn,
        (corners[0] - left, corners[1] - top),
        (corners[2] - left, corners[3] - top),
        (255, 255, 255),
        1,
    )
    return drawn
