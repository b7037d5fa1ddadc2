"""Opens a camera for a moment and says what it shows, for `check`."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.errors import InputError
from edge_agent.capture.camera import open_camera
from edge_agent.capture.opening import parse_source

_PATIENCE_S = 6.0
_FRAMES = 15


@dataclass(frozen=True, eq=False)
class Glance:
    """What a camera showed.

    Attributes:
        image_bgr: Its latest picture, uint8 [height, width, 3], BGR.
        told: Size, pace and faults, for people.
    """

    image_bgr: NDArray[np.uint8]
    told: str


def glance(source: str, fps: float | None = None, field: str = "camera.source") -> Glance:
    """Looks through a camera until its pace is known.

    Args:
        source: Its address.
        fps: Pace of a recording; None takes its own.
        field: Of the station file, that names it.

    Raises:
        InputError: It sends nothing, or nothing that can be seen.
    """
    camera = open_camera(source, fps=fps, field=field)
    camera.start()
    end = time.monotonic() + _PATIENCE_S
    try:
        frame, count = None, 0
        while count < _FRAMES and (left := end - time.monotonic()) > 0:
            frame = camera.mailbox.take(min(left, 0.5)) or frame
            count = camera.frames
            if camera.mailbox.is_exhausted or (frame is None and camera.health.state == "down"):
                break
        pace = camera.fps
    finally:
        camera.stop()
    if frame is None:
        raise InputError(
            camera.health.reason or "it sends no frame",
            "check that it is on, its address, its cable, and who else uses it",
            file=parse_source(source, field).shown,
            field=field,
        )
    fault = camera.picture.fault
    if fault in ("black", "frozen"):
        raise InputError(f"the picture is {fault}", "look at lens and light", file=camera.name)
    height_px, width_px = frame.image_bgr.shape[:2]
    note = f", the picture is {fault}: clean or focus the lens" if fault else ""
    return Glance(frame.image_bgr, f"{width_px} x {height_px}, {pace:.1f} frames/s{note}")
