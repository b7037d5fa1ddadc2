"""`[verification]` of the station file: where labels are read once more on their items, and what
follows."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge_agent.section import Address, Pixels, Seconds, Section

SAME_CAMERA = "camera"
"""The source of a scan zone that lies in the picture of the station's own camera."""

OnResult = Literal["stop", "divert", "tell"]
"""What follows a result that is not `verified`.

stop: The belt stands until a person releases it; the item goes to a person.
divert: The item goes to a person.
tell: It is noted and counted.
"""

_Millimetres = Annotated[float, Field(gt=0, le=100_000)]


class VerificationSection(Section):
    """`[verification]`; without it, no label is read after it was printed.

    When an item is at the scan zone is said in seconds of a running belt from the decision line:
    by `after_s` and `until_s`, or by a distance and the belt's speed.

    Attributes:
        source: "camera" for a zone in the station's own picture; else a camera, as `[camera]`.
        rect_xyxy_px: Left, top, right, bottom of the scan zone in that picture.
        after_s: Earliest time at which an item's label may be read.
        until_s: Latest such time.
        distance_mm: Way from the decision line to the middle of the scan zone, instead of these.
        speed_mm_s: Speed of the running belt, with the distance.
        give_mm: How much earlier and later than that way a label may be read.
        on_mismatch: What follows a label on another item than its own.
        on_duplicate: What follows a serial that is read a second time.
        on_missing: What follows an item on which no label is seen.
        on_unreadable: What follows a label that is seen and cannot be read.
    """

    source: Address = SAME_CAMERA
    rect_xyxy_px: tuple[Pixels, Pixels, Pixels, Pixels]
    after_s: Annotated[float, Field(ge=0, le=3_600)] | None = None
    until_s: Seconds | None = None
    distance_mm: _Millimetres | None = None
    speed_mm_s: _Millimetres | None = None
    give_mm: _Millimetres = 60.0
    on_mismatch: OnResult = "stop"
    on_duplicate: OnResult = "stop"
    on_missing: OnResult = "divert"
    on_unreadable: OnResult = "tell"

    @property
    def has_own_camera(self) -> bool:
        """Whether another camera than the station's reads the labels."""
        return self.source != SAME_CAMERA

    @property
    def window_s(self) -> tuple[float, float]:
        """From when until when after the decision line a label may be read, in belt seconds."""
        if self.distance_mm is not None and self.speed_mm_s is not None:
            early_mm = max(0.0, self.distance_mm - self.give_mm)
            return early_mm / self.speed_mm_s, (self.distance_mm + self.give_mm) / self.speed_mm_s
        assert self.after_s is not None
        assert self.until_s is not None
        return self.after_s, self.until_s

    def anchored(self, folder: Path) -> Self:
        """A source that is a file or folder is relative to the station file's."""
        if not self.has_own_camera or "://" in self.source or self.source.isdecimal():
            return self
        return self.model_copy(update={"source": str(folder / self.source)})

    @model_validator(mode="after")
    def _has_area(self) -> Self:
        left, top, right, bottom = self.rect_xyxy_px
        if right <= left or bottom <= top:
            raise ValueError("rect_xyxy_px must be left, top, right, bottom, from small to large")
        return self

    @model_validator(mode="after")
    def _has_one_window(self) -> Self:
        times = (self.after_s is not None, self.until_s is not None)
        way = (self.distance_mm is not None, self.speed_mm_s is not None)
        if (times, way) not in (((True, True), (False, False)), ((False, False), (True, True))):
            raise ValueError("give after_s and until_s, or distance_mm and speed_mm_s")
        if self.after_s is not None and self.until_s is not None and self.after_s >= self.until_s:
            raise ValueError("until_s must be later than after_s")
        return self
