"""How a scene looks: drawn anew for every training scene, fixed and mild for a live station."""

import numpy as np

from beltmark.simulation.light import Light
from beltmark.simulation.scene import Scene
from beltmark.simulation.sensor import Eye, Sensor
from beltmark.simulation.surfaces import BELT_COLOURS, Backdrop, draw_surface
from beltmark.simulation.view import View


def live_scene(rng: np.random.Generator, view: View) -> tuple[Scene, Light]:
    """A well set up station: camera almost straight above, steady light, a clean belt."""
    kind = ("black rubber", "grey rubber", "green pvc", "blue pvc")[int(rng.integers(4))]
    surface = draw_surface(rng, kind, width_mm=280, wear=0.3)
    eye = Eye.of(Sensor(), view.width_px, view.height_px, rng)
    return Scene(view, Backdrop(surface, view), eye), Light(azimuth_rad=float(rng.uniform(0, 6.28)))


def random_scene(rng: np.random.Generator, width_px: int, height_px: int) -> tuple[Scene, Light]:
    """Any station: view, light, belt and camera all drawn within what still is a usable image."""
    view = View(
        width_px=width_px,
        height_px=height_px,
        px_per_mm=float(rng.uniform(0.75, 1.45)) * width_px / 480.0,
        distance_mm=float(rng.uniform(420, 1100)),
        pitch_rad=float(rng.uniform(-0.55, 0.55) if rng.uniform() < 0.6 else rng.normal(0, 0.06)),
        yaw_rad=float(rng.normal(0, 0.12)),
        roll_rad=float(rng.normal(0, 0.08)) if rng.uniform() < 0.7 else float(rng.uniform(-3, 3)),
    )
    kinds = tuple(BELT_COLOURS)
    kind = kinds[int(rng.integers(len(kinds)))]
    width_mm = float(rng.uniform(180, 420)) if rng.uniform() < 0.7 else 900.0
    surface = draw_surface(rng, kind, width_mm, wear=float(rng.uniform(0, 1)))
    ambient = float(rng.uniform(0.35, 0.75))
    light = Light(
        azimuth_rad=float(rng.uniform(0, 2 * np.pi)),
        elevation_rad=float(rng.uniform(0.55, 1.45)),
        ambient=ambient,
        diffuse=float(rng.uniform(0.9, 1.25) - ambient),
        shadow=float(rng.uniform(0.1, 0.7)),
        softness_mm=float(rng.uniform(1.5, 14)),
    )
    return Scene(view, Backdrop(surface, view), _any_eye(rng, width_px, height_px)), light


def _any_eye(rng: np.random.Generator, width_px: int, height_px: int) -> Eye:
    blurred = rng.uniform() < 0.3
    cast = rng.normal(0, 0.07, 3) + (rng.normal(0, 0.12) * np.array([1.0, 0.0, -1.0]))
    sensor = Sensor(
        defocus_px=float(rng.uniform(0.8, 1.8) if blurred else rng.uniform(0.3, 0.8)),
        motion_px=float(rng.uniform(1, 9) if rng.uniform() < 0.3 else rng.uniform(1, 2.5)),
        vignette=float(rng.uniform(0.0, 0.5)),
        noise=float(rng.uniform(0.5, 7.0)),
        exposure=float(np.exp(rng.normal(0, 0.2))),
        gamma=float(np.exp(rng.normal(0, 0.15))),
        balance_bgr=(float(1 + cast[0]), float(1 + cast[1]), float(1 + cast[2])),
        saturation=float(rng.uniform(0.5, 1.3)),
        jpeg_quality=int(rng.integers(45, 96)),
    )
    return Eye.of(sensor, width_px, height_px, rng)
