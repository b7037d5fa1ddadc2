"""Where the simulated camera stands: pixels to rays and world points to pixels.

World axes, in millimetres: x along the travel (right in the image), y across the belt
(down in the image), z up from the belt. The belt's surface is z = 0 and the camera looks
at (0, 0, 0). Leaves what is seen to `raymarch` and the composition to `scene`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """A pinhole camera above the belt.

    Attributes:
        width_px: Image width.
        height_px: Image height.
        px_per_mm: Scale of the belt's surface at the image centre.
        distance_mm: Distance from the lens to the point it looks at.
        pitch_rad: Tilt about the travel axis; positive looks from the near side of the belt.
        yaw_rad: Tilt about the cross axis; positive looks from downstream.
        roll_rad: Rotation of the image.
    """

    width_px: int = 480
    height_px: int = 320
    px_per_mm: float = 1.0
    distance_mm: float = 700.0
    pitch_rad: float = 0.0
    yaw_rad: float = 0.0
    roll_rad: float = 0.0

    @cached_property
    def _axes(self) -> NDArray[np.float64]:
        """Rows: image right, image down, forward, in world axes; [3, 3] float64."""
        cos_p, sin_p = np.cos(self.pitch_rad), np.sin(self.pitch_rad)
        cos_y, sin_y = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        cos_r, sin_r = np.cos(self.roll_rad), np.sin(self.roll_rad)
        level = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]])
        pitch = np.array([[1.0, 0.0, 0.0], [0.0, cos_p, sin_p], [0.0, -sin_p, cos_p]])
        yaw = np.array([[cos_y, 0.0, sin_y], [0.0, 1.0, 0.0], [-sin_y, 0.0, cos_y]])
        roll = np.array([[cos_r, -sin_r, 0.0], [sin_r, cos_r, 0.0], [0.0, 0.0, 1.0]])
        axes: NDArray[np.float64] = roll @ level @ (yaw @ pitch).T
        return axes

    @cached_property
    def _eye_mm(self) -> NDArray[np.float64]:
        eye: NDArray[np.float64] = -self._axes[2] * self.distance_mm
        return eye

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        return self.px_per_mm * self.distance_mm

    @property
    def foot_mm(self) -> tuple[float, float]:
        """The point of the belt's plane straight below the lens."""
        return float(self._eye_mm[0]), float(self._eye_mm[1])

    def project(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Project world points, [N, 3] float64 in mm, to pixels, [N, 2] float64 (x, y)."""
        seen = (points_mm - self._eye_mm) @ self._axes.T
        scale = self.focal_px / np.maximum(seen[:, 2], 1.0)
        centre = np.array([self.width_px / 2.0, self.height_px / 2.0])
        pixels: NDArray[np.float64] = seen[:, :2] * scale[:, None] + centre
        return pixels

    def rays(
        self, left_px: int, top_px: int, width_px: int, height_px: int
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Give each pixel's ray as the world point it meets at a height z.

        The point is (x0 + z * dx, y0 + z * dy). The rectangle may lie outside the image.

        Returns:
            x0, y0 in mm and dx, dy without unit, each [height_px, width_px] float32.
        """
        across = (left_px + np.arange(width_px) + 0.5 - self.width_px / 2.0) / self.focal_px
        down = (top_px + np.arange(height_px) + 0.5 - self.height_px / 2.0) / self.focal_px
        right_axis, down_axis, forward = self._axes

        def direction(axis: int) -> FloatArray:
            by_column = (across * right_axis[axis]).astype(np.float32)
            by_row = (down * down_axis[axis] + forward[axis]).astype(np.float32)
            return np.asarray(by_column[None, :] + by_row[:, None], np.float32)

        steep = np.minimum(direction(2), np.float32(-0.05))  # the horizon stays finite
        dx = direction(0) / steep
        dy = direction(1) / steep
        eye_x, eye_y, eye_z = self._eye_mm.astype(np.float32)
        return eye_x - eye_z * dx, eye_y - eye_z * dy, dx, dy
