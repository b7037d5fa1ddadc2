"""What lens, sensor and compression do to the light: blur, vignetting, colour, noise, JPEG."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from beltmark.simulation.solid import ImageArray

_NOISE_MARGIN = 48


@dataclass(frozen=True)
class Sensor:
    """A camera's imperfections.

    Attributes:
        defocus_px: Sigma of the lens blur.
        motion_px: Length of the smear along the travel.
        vignette: Darkening of the corners, 0..1.
        noise: Sigma of the sensor noise in grey levels.
        exposure: Factor on all colours.
        gamma: Tone curve; below 1 brightens the shadows.
        balance_bgr: White balance factors.
        saturation: 1 keeps the colours, 0 is grey.
        jpeg_quality: 1..100.
    """

    defocus_px: float = 0.6
    motion_px: float = 1.2
    vignette: float = 0.15
    noise: float = 2.0
    exposure: float = 1.0
    gamma: float = 1.0
    balance_bgr: tuple[float, float, float] = (1.0, 1.0, 1.0)
    saturation: float = 1.0
    jpeg_quality: int = 85

    @cached_property
    def _curve(self) -> ImageArray:
        """Tone curve per channel, [1, 256, 3] uint8."""
        level = np.arange(256, dtype=np.float64)[None, :, None] / 255.0
        toned = np.power(level, self.gamma) * self.exposure * np.array(self.balance_bgr)
        return np.asarray(np.clip(toned * 255.0, 0, 255), np.uint8)


@dataclass(frozen=True, eq=False)
class Eye:
    """A sensor of one image size, with its fixed patterns drawn once.

    Attributes:
        sensor: The imperfections.
        noise: Noise to cut frames from, [H, W, 3] int16.
        falloff: Vignette, [H, W, 3] uint8 where 255 is full light.
    """

    sensor: Sensor
    noise: NDArray[np.int16]
    falloff: ImageArray

    @classmethod
    def of(cls, sensor: Sensor, width_px: int, height_px: int, rng: np.random.Generator) -> "Eye":
        """Draw the patterns for an image size."""
        shape = (height_px + _NOISE_MARGIN, width_px + _NOISE_MARGIN, 3)
        grain = rng.standard_normal(shape, np.float32) * np.float32(sensor.noise)
        y, x = np.ogrid[-1 : 1 : height_px * 1j, -1 : 1 : width_px * 1j]
        off_x, off_y = rng.normal(0, 0.15, 2)
        away = ((x - off_x) ** 2 + (y - off_y) ** 2) / 2.0
        light = np.clip(1 - sensor.vignette * away, 0, 1)
        falloff = np.repeat((light * 255).astype(np.uint8)[..., None], 3, axis=2)
        return cls(sensor, grain.astype(np.int16), falloff)

    def expose(self, canvas_bgr: ImageArray, rng: np.random.Generator) -> ImageArray:
        """Take the picture: [H, W, 3] uint8 BGR in, the same out; the canvas may be reused."""
        sensor = self.sensor
        height, width = canvas_bgr.shape[:2]
        image: MatLike = canvas_bgr
        if sensor.motion_px > 1.0:
            image = cv2.filter2D(image, -1, _smear(sensor.motion_px))
        if sensor.defocus_px > 0.2:
            image = cv2.GaussianBlur(image, (0, 0), sensor.defocus_px)
        image = cv2.multiply(image, self.falloff, scale=1 / 255.0)
        if sensor.saturation != 1.0:
            grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
            image = cv2.addWeighted(image, sensor.saturation, grey, 1 - sensor.saturation, 0)
        image = cv2.LUT(image, sensor._curve)
        top, left = rng.integers(0, _NOISE_MARGIN, 2)
        grain = self.noise[top : top + height, left : left + width]
        return np.asarray(cv2.add(image, grain, dtype=cv2.CV_8U), np.uint8)

    def encode(self, image_bgr: ImageArray) -> bytes:
        """Compress [H, W, 3] uint8 BGR to JPEG."""
        quality = [cv2.IMWRITE_JPEG_QUALITY, self.sensor.jpeg_quality]
        _, data = cv2.imencode(".jpg", image_bgr, quality)
        return data.tobytes()


def _smear(length_px: float) -> NDArray[np.float32]:
    """A horizontal line of this length as a kernel, [1, odd] float32 that sums to 1."""
    half = int(np.ceil((length_px - 1) / 2))
    kernel = np.ones((1, 2 * half + 1), np.float32)
    if half:
        kernel[0, 0] = kernel[0, -1] = (length_px - (2 * half - 1)) / 2
    return np.asarray(kernel / kernel.sum(), np.float32)
