"""What an empty belt that runs costs a station with its motion gate."""

import time
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.release import Release
from beltmark.simulation.world import World
from beltmark.simulation.world_plan import WorldPlan
from edge_agent.vision.detector import Detector
from edge_agent.vision.motion import MotionGate

LEARNING_FRAMES = 120
_LONGEST_UNSEEN_S = 0.72
"""What the station allows at the bench's speed, 120 pixels a second."""


def empty_belt_figures(release: Release, seed: int, frames: int, fps: float) -> tuple[float, float]:
    """Films a belt without goods.

    Returns:
        The share of frames for which the model was spared, in percent, once the belt is known; and
        the median time of such a frame as a share of the model's own, in percent.
    """
    images = _empty_belt(release, seed, frames + LEARNING_FRAMES, fps)
    height_px, width_px = images[0].shape[:2]
    gate, detector = MotionGate((0, 0, width_px, height_px)), Detector(release.package, threads=1)
    spared_s, looked_s = [], []
    for index, image in enumerate(images):
        begun = time.perf_counter()
        looks = gate.must_look(image, index / fps, _LONGEST_UNSEEN_S)
        gated = time.perf_counter()
        detector.detect(image)
        looked_s.append(time.perf_counter() - gated)
        if index >= LEARNING_FRAMES and not looks:
            spared_s.append(gated - begun)
    return 100 * len(spared_s) / frames, 100 * float(np.median(spared_s) / np.median(looked_s))


def _empty_belt(
    release: Release, seed: int, frames: int, fps: float
) -> Sequence[NDArray[np.uint8]]:
    world = World(WorldPlan(seed=seed, products=release.catalogue.products))
    world.belt.stop_feeding()
    jpegs = [world.encode(world.step(i / fps, permitted=True)) for i in range(frames)]
    images = (cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for jpeg in jpegs)
    return [np.asarray(image, np.uint8) for image in images if image is not None]
