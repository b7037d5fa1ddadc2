"""A second camera over the belt, behind the applicator and near enough to read labels.

Items are rendered coarsely, for only the labels on them matter; a label lies flat on its item, as
finely as the camera sees. Which label is where is the world's knowledge.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from beltmark.simulation.label_picture import SIZE_MM, draw_label
from beltmark.simulation.raymarch import Posed
from beltmark.simulation.scene import Placement, Scene
from beltmark.simulation.sensor import Eye, Sensor
from beltmark.simulation.solid import TEXELS_PER_MM, ImageArray
from beltmark.simulation.surfaces import Backdrop, Surface
from beltmark.simulation.verdict import Marking
from beltmark.simulation.view import View

LENGTH_MM, WIDTH_MM = 100.0, 160.0
"""What it sees of the belt, along the travel and across."""

PX_PER_MM = 4.0
_COARSE_PX_PER_MM = 1.0
_DISTANCE_MM = 700.0
_SENSOR = Sensor(defocus_px=0.5, motion_px=1.0, noise=2.0)
_SMEAR_MM = 5.0


@dataclass(frozen=True)
class Sticker:
    """A label on an item.

    Attributes:
        marking: What it says; None where nothing was read in its format.
        x_mm: Its middle in the item's axes.
        y_mm: Likewise.
        is_smeared: Whether its ink was wiped.
    """

    marking: Marking | None
    x_mm: float
    y_mm: float
    is_smeared: bool = False


class CloseUp:
    """The camera.

    Args:
        surface: The belt.
        rng: For its fixed noise.
        at_mm: Its place along the belt, from the middle of the station's camera.
    """

    def __init__(self, surface: Surface, rng: np.random.Generator, at_mm: float) -> None:
        self._at_mm = at_mm
        coarse, self._view = (
            View(round(LENGTH_MM * scale), round(WIDTH_MM * scale), scale, _DISTANCE_MM)
            for scale in (_COARSE_PX_PER_MM, PX_PER_MM)
        )
        eye = Eye.of(_SENSOR, self._view.width_px, self._view.height_px, rng)
        self._scene = Scene(coarse, Backdrop(surface, coarse), eye)

    def render(
        self,
        placements: Iterable[Placement],
        stickers: Mapping[int, Sequence[Sticker]],
        travel_mm: float,
        rng: np.random.Generator,
    ) -> ImageArray:
        """Returns a picture, [height, width, 3] uint8 BGR.

        Args:
            placements: The items on the belt; x is from the middle of the station's camera.
            stickers: The labels on each item, those below first.
            travel_mm: How far the belt has moved.
            rng: For this picture's noise.
        """
        near = [
            Placement(p.item_id, p.posed, p.x_mm - self._at_mm, p.y_mm)
            for p in placements
            if abs(p.x_mm - self._at_mm) < LENGTH_MM / 2 + 150.0
        ]
        coarse = self._scene.paint(near, travel_mm - self._at_mm).canvas
        size = (self._view.width_px, self._view.height_px)
        canvas = np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        for placed in near:
            for sticker in stickers.get(placed.item_id, ()):
                self._stick(canvas, placed, sticker)
        return self._scene.eye.expose(canvas, rng)

    def encode(self, image_bgr: ImageArray) -> bytes:
        """Compresses a picture as the camera does."""
        return self._scene.eye.encode(image_bgr)

    def _stick(self, canvas: ImageArray, placed: Placement, sticker: Sticker) -> None:
        """Lays a label onto the canvas, [H, W, 3] uint8 BGR, in place."""
        picture = draw_label(sticker.marking)
        if sticker.is_smeared:
            wiped = round(_SMEAR_MM * picture.shape[1] / SIZE_MM[0])
            picture = np.asarray(cv2.blur(picture, (wiped, 1)), np.uint8)
        half_x, half_y = SIZE_MM[0] / 2, SIZE_MM[1] / 2
        signs = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        flat = signs * (half_x, half_y) + np.array([sticker.x_mm, sticker.y_mm])
        corners = placed.posed.to_world(flat, placed.x_mm, placed.y_mm)
        height = np.full(4, _height_mm(placed.posed, sticker))
        to_px = self._view.project(np.column_stack([corners, height])).astype(np.float32)
        rows, columns = picture.shape[:2]
        from_px = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
        warp = cv2.getPerspectiveTransform(from_px, to_px)
        size = (self._view.width_px, self._view.height_px)
        # Finer than the camera sees: averaged, as a lens does.
        scale = columns / SIZE_MM[0] / PX_PER_MM
        soft = cv2.GaussianBlur(picture, (0, 0), scale / 3)
        laid = cv2.warpPerspective(soft, warp, size, flags=cv2.INTER_LINEAR)
        mask = cv2.warpPerspective(np.full((rows, columns), 255, np.uint8), warp, size)
        cv2.copyTo(laid, mask, canvas)


def _height_mm(posed: Posed, sticker: Sticker) -> float:
    """How high the item is where the label sticks."""
    solid = posed.solid
    rows, columns = solid.gloss.shape
    half_x, half_y = solid.half_extent_mm
    column = int(np.clip((sticker.x_mm + half_x) * TEXELS_PER_MM, 0, columns - 1))
    row = int(np.clip((sticker.y_mm + half_y) * TEXELS_PER_MM, 0, rows - 1))
    return float(max(solid.column_mm[row, column, 1], 0.0))
