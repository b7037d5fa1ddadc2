"""`[camera]` of the station file."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge_agent.section import Address, Seconds, Section


class CameraSection(Section):
    """`[camera]`.

    Attributes:
        source: /dev/video0, rtsp://…, http://…, a video file, or a folder of pictures.
        fps: Pace of a recording; without it a video's own, or 10 for pictures.
        loop: Whether a recording begins again at its end.
        stale_after_s: Time without a frame after which the run permit falls.
        down_after_s: Time without a frame after which the camera is reported down.
        holds_on: Faults of the picture on which the belt is held; others are told only.
    """

    source: Address
    fps: Annotated[float, Field(gt=0, le=1_000)] | None = None
    loop: bool = False
    stale_after_s: Seconds = 1.0
    down_after_s: Seconds = 2.5
    holds_on: tuple[Literal["black", "frozen", "moved", "blurred", "dirty"], ...] = (
        "black",
        "frozen",
        "moved",
    )

    @model_validator(mode="after")
    def _stale_before_down(self) -> Self:
        if self.stale_after_s > self.down_after_s:
            raise ValueError("stale_after_s must not be longer than down_after_s")
        return self

    def anchored(self, folder: Path) -> Self:
        """A source that is a file or folder is relative to the station file's."""
        if "://" in self.source or self.source.isdecimal():
            return self
        return self.model_copy(update={"source": str(folder / self.source)})


class BarcodesSection(Section):
    """`[barcodes]`.

    Attributes:
        read: Whether barcodes on the items are read, as evidence of what they are.
    """

    read: bool = False
