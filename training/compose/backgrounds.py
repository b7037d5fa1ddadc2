"""Empty places to lay products on: photographs of belts, rendered belts, drawn surfaces.

Each source gives a background by number and generator alone. What is laid on it is left to
`picture`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.images import MAX_IMAGE_BYTES, decode_image
from beltmark.simulation.appearance import random_scene
from beltmark.simulation.light import Light
from beltmark.simulation.raymarch import Posed
from beltmark.simulation.scene import Placement, Scene, SeenItem
from beltmark.simulation.sensor import Eye, Sensor
from beltmark.simulation.shapes.families import NONE_OF_THESE, make_item
from beltmark.simulation.view import View
from training.data.cutouts import textured_background

IMAGES_PER_SCENE = 8
"""So many pictures share one rendered belt, and one scene for splitting."""

MAX_PHOTOGRAPHS = 2000
LEAST_CROP = 0.7
"""Least share of a photograph's side that is shown: another piece each time."""

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


@dataclass(frozen=True, eq=False)
class Background:
    """An empty place, before the camera has made a picture of it.

    Attributes:
        image_bgr: uint8 [H, W, 3].
        scene: Its name; splits go by it.
        eye: The camera that looks at it.
        azimuth_rad: Where the light goes to; 0 is right in the picture, a quarter turn is down.
        shadow: 0..1, how dark shadows are.
        px_per_mm: Its scale, if that is known.
        things: What lies on it already and is no product.
        owner: int16 [H, W], the number of the thing that each pixel shows; None without things.
    """

    image_bgr: NDArray[np.uint8]
    scene: str
    eye: Eye
    azimuth_rad: float
    shadow: float
    px_per_mm: float | None = None
    things: tuple[SeenItem, ...] = ()
    owner: NDArray[np.int16] | None = None


class Backgrounds(Protocol):
    """A source of backgrounds."""

    @property
    def identity(self) -> str:
        """Names all that its backgrounds depend on beside number and generator."""

    def draw(self, number: int, rng: np.random.Generator) -> Background:
        """Returns a background for picture `number`."""


class Rendered:
    """Belts of the simulation, with things on them that are no products."""

    def __init__(self, width_px: int, height_px: int, seed: int, thing_share: float) -> None:
        """Remembers what to draw.

        Args:
            width_px: Of the pictures.
            height_px: Likewise.
            seed: Of the belts.
            thing_share: Share of pictures with foreign objects.
        """
        self._size = (width_px, height_px)
        self._seed = seed
        self._thing_share = thing_share
        self._scene = lru_cache(maxsize=2)(self._drawn)

    @property
    def identity(self) -> str:
        """Names the source."""
        return f"simulated/{self._size}/{self._seed}/{self._thing_share}"

    def draw(self, number: int, rng: np.random.Generator) -> Background:
        """Returns the belt that some pictures share, moved on by chance."""
        index = number // IMAGES_PER_SCENE
        scene, light = self._scene(index)
        things = []
        if rng.uniform() < self._thing_share:
            for item_id in range(int(rng.integers(1, 4))):
                posed = Posed(make_item(NONE_OF_THESE, rng), float(rng.uniform(0, 6.28)), light)
                reach = np.array(self._size) / scene.view.px_per_mm / 2
                things.append(Placement(item_id, posed, *(rng.uniform(-1, 1, 2) * reach)))
        painting = scene.paint(things, float(rng.uniform(0, 900)))
        return Background(
            painting.canvas,
            f"simulated-{index}",
            scene.eye,
            shadow_azimuth(light, scene.view),
            light.shadow,
            scene.view.px_per_mm,
            painting.seen,
            painting.owner,
        )

    def _drawn(self, index: int) -> tuple[Scene, Light]:
        return random_scene(np.random.default_rng([self._seed, 2, index]), *self._size)


class Drawn:
    """Plain surfaces: a colour, a gradient, grain, stripes, blotches."""

    def __init__(self, width_px: int, height_px: int) -> None:
        """Remembers the size of the pictures."""
        self._size = (width_px, height_px)

    @property
    def identity(self) -> str:
        """Names the source."""
        return f"drawn/{self._size}"

    def draw(self, number: int, rng: np.random.Generator) -> Background:
        """Returns a new surface."""
        width, height = self._size
        picture = textured_background(height, width, rng)
        return _photographed(picture, f"drawn-{number // IMAGES_PER_SCENE}", rng)


class Photographs:
    """Pictures of the empty belt from a folder; each picture is a scene of its own."""

    def __init__(self, folder: Path, width_px: int, height_px: int) -> None:
        """Reads the folder's pictures.

        Raises:
            InputError: No picture, too many, or one that cannot be read.
        """
        try:
            files = sorted(p for p in folder.iterdir() if p.suffix.lower() in ENDINGS)
        except OSError as error:
            mend = "name a folder with pictures of the empty belt, or `simulated`"
            raise InputError(f"cannot be read: {error.strerror}", mend, file=folder) from None
        if not 1 <= len(files) <= MAX_PHOTOGRAPHS:
            raise InputError(
                f"holds {len(files)} pictures",
                f"give 1 to {MAX_PHOTOGRAPHS} pictures of the empty belt ({', '.join(ENDINGS)})",
                file=folder,
            )
        self._size = (width_px, height_px)
        self._names = [file.stem for file in files]
        contents = [read_bytes(file, limit=MAX_IMAGE_BYTES) for file in files]
        self.identity = f"{self._size}/" + sha256_of("".join(map(sha256_of, contents)).encode())
        self._pictures = []
        for file, content in zip(files, contents, strict=True):
            decoded = decode_image(content)
            if decoded is None:
                raise InputError("not a readable image", "replace or remove it", file=file)
            self._pictures.append(_no_larger(decoded, 2 * max(self._size)))

    def draw(self, number: int, rng: np.random.Generator) -> Background:
        """Returns a piece of one of the photographs, perhaps mirrored."""
        index = int(rng.integers(len(self._pictures)))
        picture = self._pictures[index]
        height, width = picture.shape[:2]
        scale = min(width / self._size[0], height / self._size[1]) * rng.uniform(LEAST_CROP, 1)
        piece_width, piece_height = (max(int(side * scale), 1) for side in self._size)
        left = int(rng.integers(width - piece_width + 1))
        top = int(rng.integers(height - piece_height + 1))
        piece = picture[top : top + piece_height, left : left + piece_width]
        if rng.uniform() < 0.5:
            piece = piece[:, ::-1]
        fitted = cv2.resize(piece, self._size, interpolation=cv2.INTER_AREA)
        return _photographed(np.asarray(fitted, np.uint8), self._names[index], rng)


class Mixed:
    """Several sources, each as often as the others."""

    def __init__(self, sources: Sequence[Backgrounds]) -> None:
        """Joins sources."""
        self._sources = tuple(sources)

    @property
    def identity(self) -> str:
        """Names all sources."""
        return " ".join(source.identity for source in self._sources)

    def draw(self, number: int, rng: np.random.Generator) -> Background:
        """Returns a background of one of them."""
        return self._sources[int(rng.integers(len(self._sources)))].draw(number, rng)


def shadow_azimuth(light: Light, view: View) -> float:
    """Returns where shadows fall in a picture: 0 is right, a quarter turn is down."""
    away = -10 * np.array([np.cos(light.azimuth_rad), np.sin(light.azimuth_rad), 0.0])
    foot, end = view.project(np.stack([np.zeros(3), away]))
    return float(np.arctan2(end[1] - foot[1], end[0] - foot[0]))


def _no_larger(image_bgr: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    scale = side_px / max(image_bgr.shape[:2])
    if scale >= 1:
        return image_bgr
    smaller = cv2.resize(image_bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8)


def _photographed(image_bgr: NDArray[np.uint8], scene: str, rng: np.random.Generator) -> Background:
    """Gives a surface light and a camera; a photograph has most of a camera's faults already."""
    height, width = image_bgr.shape[:2]
    tint = rng.normal(0, 0.04) * np.array([1.0, 0.0, -1.0]) + rng.normal(0, 0.02, 3)
    sensor = Sensor(
        defocus_px=float(rng.uniform(0.3, 1.1)),
        motion_px=float(rng.uniform(1, 6) if rng.uniform() < 0.25 else 1.0),
        vignette=float(rng.uniform(0, 0.2)),
        noise=float(rng.uniform(0.5, 5)),
        exposure=float(np.exp(rng.normal(0, 0.15))),
        gamma=float(np.exp(rng.normal(0, 0.1))),
        balance_bgr=(float(1 + tint[0]), float(1 + tint[1]), float(1 + tint[2])),
        saturation=float(rng.uniform(0.7, 1.2)),
        jpeg_quality=int(rng.integers(55, 96)),
    )
    azimuth, shadow = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.1, 0.6))
    return Background(image_bgr, scene, Eye.of(sensor, width, height, rng), azimuth, shadow)
