"""Notices pictures that the zone was not drawn for: items could pass outside it, unseen. Pure."""

import logging

from edge_agent.station.footprint import BeltPlane
from edge_agent.station.geometry import BoxXyxyPx, StationGeometry

logger = logging.getLogger(__name__)


def beyond_picture(zone_xyxy_px: BoxXyxyPx, width_px: int, height_px: int) -> str | None:
    """Says how far a zone reaches beyond a picture of this size; None where it lies within."""
    right_px, bottom_px = zone_xyxy_px[2:]
    if right_px <= width_px and bottom_px <= height_px:
        return None
    return (
        f"the zone reaches to {right_px:g}, {bottom_px:g}, beyond the picture of "
        f"{width_px} x {height_px}"
    )


def other_than_calibrated(plane: BeltPlane | None, width_px: int, height_px: int) -> str | None:
    """Says that a calibration is not for pictures of this size; None where it is."""
    if plane is None or plane.picture_px in (None, (width_px, height_px)):
        return None
    calibrated_width_px, calibrated_height_px = plane.picture_px
    return (
        f"the calibration was made with pictures of {calibrated_width_px} x "
        f"{calibrated_height_px}, this one is {width_px} x {height_px}: set the camera back, or "
        "calibrate anew"
    )


class PictureSize:
    """Holds the camera's picture against zone, calibration, and the first picture.

    Args:
        geometry: The station's.
    """

    def __init__(self, geometry: StationGeometry) -> None:
        self._zone_xyxy_px = geometry.zone_xyxy_px
        self._plane = geometry.plane
        self._first_px: tuple[int, int] | None = None
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        """What is wrong with the latest picture; None when nothing is."""
        return self._problem

    def observe(self, width_px: int, height_px: int) -> None:
        """Takes the size of the next picture."""
        self._first_px = self._first_px or (width_px, height_px)
        problem = self._judged(width_px, height_px)
        if problem != self._problem and problem is not None:
            logger.warning("%s", problem)
        self._problem = problem

    def _judged(self, width_px: int, height_px: int) -> str | None:
        if (beyond := beyond_picture(self._zone_xyxy_px, width_px, height_px)) is not None:
            return beyond
        if (other := other_than_calibrated(self._plane, width_px, height_px)) is not None:
            return other
        if self._first_px is not None and (width_px, height_px) != self._first_px:
            first_width_px, first_height_px = self._first_px
            return (
                f"the picture was {first_width_px} x {first_height_px} and is now "
                f"{width_px} x {height_px}: set the camera back, or correct the zone and restart"
            )
        return None
