"""What is written down of a session of collecting: when, where, by what light, which pictures.

Pure. Where it lies, and in which order it is written, is left to `collection`.
"""

import itertools
import re
import unicodedata
from collections.abc import Container, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, Field

from beltmark.contract.documents import Document
from beltmark.contract.package import Sha256
from beltmark.datasets.label_studio.words import NONE_OF_THESE, numbered

MAX_IMAGES: Final = 20_000
"""Of a session."""

MAX_NAMES: Final = 200_000
"""Of a folder that is looked through."""

_MAX_SLUG: Final = 40

Word = Annotated[str, Field(min_length=1, max_length=200)]
SessionId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,99}$")]
Zone = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels."""

Side = Annotated[int, Field(ge=1, le=32_768)]


class CollectedImage(Document):
    """A picture that was kept.

    Attributes:
        file: Its name in the session's folder.
        width_px: Its width; it is the zone and nothing around it.
        height_px: Its height.
        class_name: Of what lies in it; None where nobody said so.
        is_empty: Somebody said that nothing lies in it.
        captured_at: When it was taken, where that is known.
        item: The item that it shows, where that is known.
        source_sha256: Digest of the file that it was made from, where it was one of its own.
    """

    file: Annotated[str, Field(pattern=r"^[0-9]{6}\.jpg$")]
    width_px: Side
    height_px: Side
    class_name: Word | None = None
    is_empty: bool = False
    captured_at: AwareDatetime | None = None
    item: Word | None = None
    source_sha256: Sha256 | None = None


class SessionRecord(Document):
    """A session: pictures that were taken one after the other, by one camera.

    Attributes:
        session_id: Its name, and its folder's.
        kind: How it came: guided at a station, from a video or folder, or from a site.
        begun_at: When collecting began.
        delete_after: The last day on which its pictures may be kept.
        station: The station, where there is one.
        source: Name of the file or folder, where there is one.
        zone_xyxy_px: What was cut out; None where the whole picture was asked for.
        every_s: Of a video: one picture was looked at in so many seconds.
        light: What a person said of the light.
        class_names: Those that could be chosen.
        checked: What was to be seen to before it began, and whether it was.
        looked: How many frames of a video were passed, whatever became of them.
        names: Files of a folder that were looked at.
        blurred: Pictures left out as blurred.
        alike: Pictures left out as nearly the same as one that was kept.
        unreadable: Pictures that could not be read.
        ended_at: When it ended; None for one that can still go on.
        images: The pictures.
    """

    format_version: Literal[1] = 1
    session_id: SessionId
    kind: Literal["station", "video", "folder", "site"]
    begun_at: AwareDatetime
    delete_after: date
    station: Word | None = None
    source: Word | None = None
    zone_xyxy_px: Zone | None = None
    every_s: float | None = None
    light: Word | None = None
    class_names: tuple[Word, ...] = Field(default=(), max_length=1_000)
    checked: Mapping[Word, bool] = Field(default_factory=dict, max_length=32)
    looked: int = Field(default=0, ge=0)
    names: tuple[str, ...] = Field(default=(), max_length=MAX_NAMES)
    blurred: int = Field(default=0, ge=0)
    alike: int = Field(default=0, ge=0)
    unreadable: int = Field(default=0, ge=0)
    ended_at: AwareDatetime | None = None
    images: tuple[CollectedImage, ...] = Field(default=(), max_length=MAX_IMAGES)


def last_day(begun_at: datetime, keep_days: int) -> date:
    """Returns the last day, in UTC, on which what began then may be kept."""
    return (begun_at.astimezone(UTC) + timedelta(days=keep_days)).date()


def slug(text: str) -> str:
    """Makes a word of a name that can be part of a file's name anywhere."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain)[:_MAX_SLUG].strip("-") or "x"


def session_name(begun_at: datetime, about: str, taken: Container[str]) -> str:
    """Names a session by its time, and by what it is about; no two have one name."""
    name = f"{begun_at.astimezone(UTC):%Y%m%d-%H%M%S}-{slug(about)}"
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(each for each in names if each not in taken)


def coco_document(records: Sequence[SessionRecord], folder: Path) -> dict[str, Any]:
    """Returns all pictures of some sessions as a COCO document that `datasets.coco` reads.

    A picture of which nobody said what lies in it is a region in which nothing is judged, so that
    nobody takes it for an empty one. Where no class is known yet, there is the one of what is no
    product: a dataset has classes.

    Args:
        records: The sessions.
        folder: Where their folders lie, relative to the document.
    """
    names = [name for record in records for name in record.class_names]
    categories = numbered(names or [NONE_OF_THESE])
    ids = {row["name"]: row["id"] for row in categories}
    rows: list[dict[str, Any]] = []
    for record in records:
        for image in record.images:
            row: dict[str, Any] = {
                "id": len(rows) + 1,
                "file_name": (folder / record.session_id / image.file).as_posix(),
                "width": image.width_px,
                "height": image.height_px,
                "scene": record.session_id,
                "sequence": image.item or record.session_id,
                "session": record.session_id,
            }
            told = {
                "station": record.station,
                "light": record.light,
                "item": image.item,
                "captured_at": image.captured_at and image.captured_at.isoformat(),
                "category_id": ids[image.class_name] if image.class_name else None,
            }
            row |= {name: value for name, value in told.items() if value is not None}
            if image.class_name is None and not image.is_empty:
                row["ignore"] = [[0, 0, image.width_px, image.height_px]]
            rows.append(row)
    return {"categories": categories, "images": rows, "annotations": []}
