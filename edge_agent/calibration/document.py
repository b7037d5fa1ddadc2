"""`calibration.json`: where a station's pixels lie on its belt. Finding out is for `finding`."""

from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import AwareDatetime, Field, model_validator

from beltmark.contract.documents import Document, read_document
from edge_agent.section import of_field
from edge_agent.station.footprint import BeltPlane, Homography
from edge_agent.station.section import ZoneSection

FILE_NAME = "calibration.json"
"""What the file is called where the station file does not say."""

PicturePx = Annotated[int, Field(ge=16, le=20_000)]


class Calibration(Document):
    """A camera over its belt, as a target on the belt showed it.

    Attributes:
        px_to_mm: Homography from a pixel (x, y, 1), the first one's centre at 0.5, to millimetres
            on the belt.
        picture_px: Width and height of the pictures that it holds for.
        error_mm: Root mean square distance of the target's corners from where they should be.
        square_mm: Side of the target's squares, as printed.
        made_at: When it was made.
    """

    format_version: Literal[1] = 1
    px_to_mm: Homography
    picture_px: tuple[PicturePx, PicturePx]
    error_mm: Annotated[float, Field(ge=0)]
    square_mm: Annotated[float, Field(gt=0)]
    made_at: AwareDatetime

    @model_validator(mode="after")
    def _shows_the_belt(self) -> Self:
        width_px, height_px = self.picture_px
        corners = np.array([(x, y, 1) for x in (0, width_px) for y in (0, height_px)])
        matrix = np.array(self.px_to_mm)
        depths = corners @ matrix[2]
        if not (depths > 0).all() or abs(np.linalg.det(matrix)) < 1e-12:
            raise ValueError("px_to_mm must bring every pixel of the picture onto the belt")
        return self

    @property
    def plane(self) -> BeltPlane:
        """The belt under the camera."""
        return BeltPlane(self.px_to_mm, self.picture_px)


def read_calibration(path: Path) -> Calibration:
    """Reads a calibration.

    Raises:
        InputError: Missing or wrong; names the file and the field.
        UnknownVersionError: It has a version that is not known here.
    """
    return read_document(path, Calibration)


def belt_plane(zone: ZoneSection) -> BeltPlane | None:
    """Returns where a station's pixels lie on its belt, by its calibration or its plain scale.

    Raises:
        InputError: The calibration is missing or wrong.
    """
    if zone.calibration is not None:
        with of_field("zone.calibration"):
            return read_calibration(zone.calibration).plane
    return None if zone.mm_per_px is None else BeltPlane.of_scale(zone.mm_per_px)
