"""The camera as the rest of the agent sees it, whatever it is, and the way to open one."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from edge_agent.capture.faults import PictureWatch
from edge_agent.capture.health import (
    HOLDS_ON,
    CameraHealth,
    PictureFault,
    PictureHealth,
    told_fault,
)
from edge_agent.capture.live import LiveCamera, LiveLimits
from edge_agent.capture.mailbox import Mailbox
from edge_agent.capture.opening import parse_source
from edge_agent.capture.readers import open_reader, silence_drivers
from edge_agent.capture.recorded import FrameFolder, RecordedCamera, VideoFile


class Camera(Protocol):
    """A source of frames with a thread of its own.

    Attributes:
        mailbox: Where its frames come.
        name: Its address as it may be shown.
        unreadable: Frames that could not be read so far.
        on_change: Called after each change of health, on its threads; set before `start`.
    """

    mailbox: Mailbox
    name: str
    unreadable: int
    on_change: Callable[[], None]

    @property
    def is_live(self) -> bool:
        """True for one that goes on whether anybody looks or not."""
        ...

    @property
    def health(self) -> CameraHealth:
        """Whether frames come."""
        ...

    @property
    def picture(self) -> PictureHealth:
        """Whether they show anything."""
        ...

    @property
    def frames(self) -> int:
        """Frames that came so far."""
        ...

    @property
    def fps(self) -> float:
        """Frames a second."""
        ...

    def start(self) -> None:
        """Begins to put frames into the mailbox."""
        ...

    def stop(self) -> None:
        """Ends, and closes the mailbox."""
        ...


def open_camera(
    source: str,
    *,
    fps: float | None = None,
    loop: bool = False,
    stale_after_s: float = LiveLimits.stale_after_s,
    down_after_s: float = LiveLimits.down_after_s,
    field: str = "camera.source",
    watch: PictureWatch | None = None,
) -> Camera:
    """Opens a device, stream, video file or folder of pictures; a live one need not be there yet.

    Args:
        source: Its address, see `parse_source`.
        fps: Pace of a recording; None takes its own.
        loop: Whether a recording begins again at its end.
        stale_after_s: Time without a frame after which a live camera counts as stale.
        down_after_s: Time without a frame after which a live camera counts as down.
        field: Of the station file, that names it.
        watch: Judges the pictures of a live one; None judges each on its own.

    Raises:
        InputError: There is no such file, or it cannot be read.
    """
    silence_drivers()
    address = parse_source(source, field)
    if address.is_live:
        limits = LiveLimits(stale_after_s=stale_after_s, down_after_s=down_after_s)
        return LiveCamera(
            address.shown, lambda: open_reader(address, down_after_s), limits, watch=watch
        )
    path = Path(address.text)
    recording = VideoFile(path, fps) if address.kind == "video" else FrameFolder(path, fps)
    return RecordedCamera(address.shown, recording, loop=loop)


def objection(camera: Camera, holds_on: tuple[PictureFault, ...] = HOLDS_ON) -> str | None:
    """Why a belt must stand still for a camera that looks at it; None where it need not.

    Args:
        camera: The camera.
        holds_on: Faults of the picture on which the belt is held; others are for people to judge.
    """
    if not camera.is_live:
        return None
    if camera.health.state != "up":
        return ": ".join(filter(None, (camera.health.state, camera.health.reason)))
    fault = camera.picture.fault
    return told_fault(fault) if fault is not None and fault in holds_on else None
