"""Cuts out of a frame what is kept of it: an item's picture, and the zone for a person."""

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.release import Release
from edge_agent.capture.frame import Frame
from edge_agent.station.geometry import BoxXyxyPx
from edge_agent.station.items import Decided, Item
from edge_agent.station.review import ReviewView
from edge_agent.station.sighting import BestView, is_whole

# Of two views of one item, one with less than this share of the other's area is the worse.
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
    """Offers an undecided item's view in an image (uint8 [height, width, 3], BGR) to be kept.

    A whole view goes before one that the image's edge cuts, and a much larger one before a smaller,
    however sharp that seems: a slice at the edge holds little but edges, and plain goods have none.
    """
    if item.outcome is not None:
        return
    left, top, right, bottom = (max(0, round(edge)) for edge in box_xyxy_px)
    crop = image_bgr[top:bottom, left:right]
    if crop.size == 0:
        return
    height_px, width_px = image_bgr.shape[:2]
    whole = is_whole(box_xyxy_px, width_px, height_px)
    best = item.sighting.best_view
    if best is None or whole > best.is_whole or _is_larger(crop, best, whole):
        item.sighting.best_view = _view(crop, box_xyxy_px, whole)
    elif whole == best.is_whole and crop.size >= _AREA_WORTH_SHARE * best.crop_bgr.size:
        item.sighting.offer_view(_view(crop, box_xyxy_px, whole))


def _is_larger(crop_bgr: NDArray[np.uint8], best: BestView, whole: bool) -> bool:
    return whole == best.is_whole and best.crop_bgr.size < _AREA_WORTH_SHARE * crop_bgr.size


def _view(crop_bgr: NDArray[np.uint8], box_xyxy_px: BoxXyxyPx, whole: bool) -> BestView:
    quality = crop_bgr.size * _sharpness(crop_bgr)
    return BestView(crop_bgr.copy(), box_xyxy_px, quality, whole)


def _sharpness(crop_bgr: NDArray[np.uint8]) -> float:
    """How much the edges in a picture (uint8 [height, width, 3], BGR) differ, 0 for none."""
    _, deviation = cv2.meanStdDev(
        cv2.Laplacian(cv2.cvtColor(crop_bgr, cv2.COLOR_BGR2GRAY), cv2.CV_16S)
    )
    return float(deviation[0, 0])
