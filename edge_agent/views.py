"""Cuts out of a frame what is kept of it: an item's picture, and the zone for a person."""

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.release import Release
from edge_agent.capture.frame import Frame
from edge_agent.station.geometry import BoxXyxyPx
from edge_agent.station.items import Decided, Item
from edge_agent.station.review import ReviewView
from edge_agent.station.sighting import BestView

# A view with less than this share of the best one's area is not worth measuring.
_AREA_WORTH_SHARE = 0.7


def review_view(
    decided: Decided,
    box_xyxy_px: BoxXyxyPx | None,
    frame: Frame,
    zone_xyxy_px: BoxXyxyPx,
    release: Release,
) -> ReviewView:
    """Returns what a person is shown of an item that was sent to review.

    Args:
        decided: The item.
        box_xyxy_px: Where it is in the frame; None where it is out of sight.
        frame: The frame in which it was decided.
        zone_xyxy_px: The zone in it.
        release: The release that decided.
    """
    left, top, right, bottom = (max(0, round(edge)) for edge in zone_xyxy_px)
    box_in_zone_px = None
    if box_xyxy_px is not None:
        x_left, y_top, x_right, y_bottom = box_xyxy_px
        box_in_zone_px = x_left - left, y_top - top, x_right - left, y_bottom - top
    return ReviewView(
        decided.item_id,
        frame.captured_at,
        decided.decision,
        frame.image_bgr[top:bottom, left:right].copy(),
        box_in_zone_px,
        release.name,
        release.package.digest,
    )


def offer_view(item: Item, box_xyxy_px: BoxXyxyPx, image_bgr: NDArray[np.uint8]) -> None:
    """Offers an undecided item's view in an image (uint8 [height, width, 3], BGR) to be kept."""
    if item.outcome is not None:
        return
    left, top, right, bottom = (max(0, round(edge)) for edge in box_xyxy_px)
    crop = image_bgr[top:bottom, left:right]
    best = item.sighting.best_view
    if crop.size == 0 or (best is not None and crop.size < _AREA_WORTH_SHARE * best.crop_bgr.size):
        return
    quality = crop.size * _sharpness(crop)
    if best is None or quality > best.quality:
        item.sighting.offer_view(BestView(crop.copy(), box_xyxy_px, quality))


def _sharpness(crop_bgr: NDArray[np.uint8]) -> float:
    """How much the edges in a picture (uint8 [height, width, 3], BGR) differ, 0 for none."""
    _, deviation = cv2.meanStdDev(
        cv2.Laplacian(cv2.cvtColor(crop_bgr, cv2.COLOR_BGR2GRAY), cv2.CV_16S)
    )
    return float(deviation[0, 0])
