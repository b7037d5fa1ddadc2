"""Writes a run of the simulated station as a video or as a folder of frames, with its truth.

Time is virtual: frame n is taken at n / fps seconds, and the belt always runs.
"""

from collections.abc import Callable
from pathlib import Path

import cv2

from beltmark.contract.documents import write_json
from beltmark.contract.errors import InputError
from beltmark.simulation.truth import truth_document
from beltmark.simulation.world import World
from beltmark.simulation.world_plan import WorldPlan

_CODECS = {".mp4": "mp4v", ".avi": "MJPG"}


def write_video(
    plan: WorldPlan,
    frame_count: int,
    fps: float,
    path: Path,
    on_progress: Callable[[int], None] = lambda frames_done: None,
) -> Path:
    """Write `path` (.mp4 or .avi) and its truth beside it as .json; returns the truth's path.

    Raises:
        InputError: The ending is unknown, or this machine's OpenCV cannot write the file.
    """
    codec = _CODECS.get(path.suffix.lower())
    if codec is None:
        raise InputError("unknown kind of video", "end the name in .mp4 or .avi", file=path)
    size = (plan.view.width_px, plan.view.height_px)
    four = cv2.VideoWriter.fourcc(*codec)
    writer = cv2.VideoWriter(str(path), four, fps, size)
    if not writer.isOpened():
        raise InputError("cannot be written", "check the folder, or try .avi", file=path)
    world = World(plan)
    try:
        for index in range(frame_count):
            writer.write(world.step(index / fps, permitted=True).image_bgr)
            on_progress(index + 1)
    finally:
        writer.release()
    return _write_truth(world, fps, path.with_suffix(".json"))


def write_frames(
    plan: WorldPlan,
    frame_count: int,
    fps: float,
    directory: Path,
    on_progress: Callable[[int], None] = lambda frames_done: None,
) -> Path:
    """Write `frame_000000.jpg` and so on, and `truth.json`; returns the truth's path."""
    directory.mkdir(parents=True, exist_ok=True)
    world = World(plan)
    for index in range(frame_count):
        jpeg = world.encode(world.step(index / fps, permitted=True))
        (directory / f"frame_{index:06d}.jpg").write_bytes(jpeg)
        on_progress(index + 1)
    return _write_truth(world, fps, directory / "truth.json")


def _write_truth(world: World, fps: float, path: Path) -> Path:
    write_json(path, {**truth_document(world), "fps": fps})
    return path
