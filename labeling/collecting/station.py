"""The station that is collected at: its camera and its zone, by its own station file.

The only place of labeling that knows the edge's cameras. Of the station file it needs `[station]`'s
name, `[camera]` and `[zone]`: a station that collects has no release yet, and maybe no printer.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from beltmark.contract.documents import parse
from edge_agent.capture.camera import Camera, open_camera
from edge_agent.capture.health import told_fault
from edge_agent.capture.section import CameraSection
from edge_agent.section import of_field
from edge_agent.station.section import ZoneSection
from edge_agent.station_words import read_words
from labeling.collecting.crops import beyond, zone_of
from labeling.collecting.record import Zone

_WAIT_S: Final = 0.25


class _Named(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")]


class _Eyes(BaseModel):
    model_config = ConfigDict(extra="ignore")

    station: _Named
    camera: CameraSection
    zone: ZoneSection


@dataclass(frozen=True)
class Eyes:
    """What a station sees with.

    Attributes:
        name: The station's.
        camera: Its camera.
        zone: What counts of the picture.
    """

    name: str
    camera: CameraSection
    zone: Zone


def read_eyes(path: Path, environment: Mapping[str, str]) -> Eyes:
    """Reads a station file, as far as it says what the station sees with.

    Args:
        path: The station file.
        environment: Variables that stand above it, as for the agent.

    Raises:
        InputError: Names the file or variable, the field and the mend.
    """
    words = read_words(path, environment)
    with words.blaming():
        found = parse(words.data, _Eyes, path)
    camera = found.camera.anchored(path.parent)
    return Eyes(found.station.name, camera, zone_of(found.zone.rect_xyxy_px))


@dataclass(frozen=True, eq=False)
class View:
    """What the zone shows.

    Attributes:
        crop_bgr: uint8 [H, W, 3]: the zone, or the whole picture where that was asked for.
        number: Of the frame; higher ones are later.
        captured_at: When, in seconds since the epoch.
    """

    crop_bgr: NDArray[np.uint8]
    number: int
    captured_at: float


class LiveZone:
    """A station's zone, as it is now. A thread of its own takes the camera's frames.

    Args:
        eyes: What the station sees with.
        is_whole: Whether the whole picture is shown instead.

    Raises:
        InputError: There is no such camera.
    """

    def __init__(self, eyes: Eyes, *, is_whole: bool = False) -> None:
        self._zone = None if is_whole else eyes.zone
        section = eyes.camera
        with of_field("camera.source"):
            self._camera: Camera = open_camera(
                section.source,
                fps=section.fps,
                loop=section.loop,
                stale_after_s=section.stale_after_s,
                down_after_s=section.down_after_s,
            )
        self._latest: View | None = None
        self._misfit: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="zone", daemon=True)

    @property
    def name(self) -> str:
        """The camera's address, without a password."""
        return self._camera.name

    @property
    def latest(self) -> View | None:
        """What the zone shows; None where that is not known."""
        return None if self.problem else self._latest

    @property
    def problem(self) -> str | None:
        """Why nothing can be collected now; None if it can."""
        health = self._camera.health
        if health.state == "ended":
            return "the recording that stands for the camera has ended"
        if health.state != "up":
            why = f": {health.reason}" if health.reason else ""
            return f"the camera is {health.state}{why}"
        if self._misfit is not None:
            return f"{self._misfit}: correct [zone] of the station file"
        fault = self._camera.picture.fault
        # Blur is judged picture by picture here.
        return told_fault(fault) if fault in ("black", "frozen") else None

    def start(self) -> None:
        """Begins to look."""
        self._camera.start()
        self._thread.start()

    def stop(self) -> None:
        """Ends."""
        self._stopping.set()
        self._camera.stop()
        self._thread.join(timeout=2.0)

    def _watch(self) -> None:
        while not self._stopping.is_set() and not self._camera.mailbox.is_exhausted:
            frame = self._camera.mailbox.take(_WAIT_S)
            if frame is None:
                continue
            picture = frame.image_bgr
            self._misfit = None if self._zone is None else beyond(self._zone, picture)
            if self._misfit is None:
                if self._zone is not None:
                    left, top, right, bottom = self._zone
                    picture = picture[top:bottom, left:right]
                self._latest = View(picture, frame.index, frame.captured_at)
            if not self._camera.is_live:  # a recording goes as fast as it is taken
                self._stopping.wait(1 / self._camera.fps)
