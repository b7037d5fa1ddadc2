"""The report of a check as one page with pictures, in a file that needs no other.

Thumbnails are in it; how many is bounded, what is not shown is counted. All text is escaped.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from beltmark.datasets.checks.finding import KINDS
from beltmark.datasets.checks.progress import Progress
from beltmark.datasets.checks.report import Report, ReportedFinding, ReportedPlace
from beltmark.datasets.images import MAX_IMAGE_BYTES, decode_image
from beltmark.web.assets import STATIC_FOLDER, template_environment

MOST_SHOWN: Final = 24
"""Findings of a kind with their pictures."""

MOST_LISTED: Final = 60
"""Findings without pictures, and those that are gone."""

MOST_PLACES: Final = 4
THUMBNAIL_PX: Final = 176
_TEMPLATES: Final = Path(__file__).parent / "templates"
_WITHOUT_PICTURES: Final = ("bad-row", "few-samples", "imbalance")
_OUTLINE_BGR: Final = (38, 30, 200)


@dataclass(frozen=True)
class _Thumbnail:
    """A picture in the page; without `source` where it cannot be read."""

    name: str
    source: Markup | None


@dataclass(frozen=True)
class _Card:
    """A finding with its pictures."""

    finding: ReportedFinding
    thumbnails: Sequence[_Thumbnail]


@dataclass(frozen=True)
class _Section:
    """The findings of one kind."""

    kind: str
    title: str
    number: int
    cards: Sequence[_Card]
    lines: Sequence[ReportedFinding]

    @property
    def rest(self) -> int:
        """How many are not shown."""
        return self.number - len(self.cards) - len(self.lines)


def page_of(
    report: Report,
    path_of: Callable[[str], Path | None],
    stopping: Sequence[str],
    progress: Progress,
) -> str:
    """Returns the page.

    Args:
        report: What was found.
        path_of: Gives the file of an image, by its name; None for a name that is none.
        stopping: The kinds that stop a run.
        progress: Goes through things and shows how far it is.
    """
    found = [kind for kind in report.checked if report.counts.get(kind)]
    sections = [_section(report, kind, path_of) for kind in progress(found, "drawing")]
    style = (STATIC_FOLDER / "beltmark.css").read_text()
    template = template_environment(_TEMPLATES).get_template("checks.html")
    return template.render(
        report=report,
        sections=sections,
        titles=KINDS,
        stopping=set(stopping),
        stopped=[kind for kind in found if kind in stopping],
        gone=report.gone[:MOST_LISTED],
        new=sum(finding.status == "new" for finding in report.findings),
        style=Markup(style),  # ours, not from outside
    )


def thumbnail(content: bytes, box_xyxy_px: tuple[float, float, float, float] | None) -> bytes:
    """Returns a small JPEG of an image file, with a frame around the box; nothing if it is none."""
    picture = decode_image(content)
    if picture is None:
        return b""
    scale = THUMBNAIL_PX / max(picture.shape[:2])
    size = tuple(max(1, round(side * scale)) for side in picture.shape[1::-1])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    small = cv2.resize(picture, size, interpolation=method)
    if box_xyxy_px is not None:
        corners = np.clip(np.array(box_xyxy_px) * scale, -1, THUMBNAIL_PX + 1).round().astype(int)
        left, top, right, bottom = corners.tolist()
        cv2.rectangle(small, (left, top), (right - 1, bottom - 1), (255, 255, 255), 3)
        cv2.rectangle(small, (left, top), (right - 1, bottom - 1), _OUTLINE_BGR, 1)
    return _jpeg(small)


def _section(report: Report, kind: str, path_of: Callable[[str], Path | None]) -> _Section:
    of_kind = [finding for finding in report.findings if finding.kind == kind]
    if kind in _WITHOUT_PICTURES:
        return _Section(kind, KINDS[kind], len(of_kind), (), of_kind[:MOST_LISTED])
    cards = [
        _Card(finding, [_drawn(place, path_of) for place in finding.places[:MOST_PLACES]])
        for finding in of_kind[:MOST_SHOWN]
    ]
    return _Section(kind, KINDS[kind], len(of_kind), cards, ())


def _drawn(place: ReportedPlace, path_of: Callable[[str], Path | None]) -> _Thumbnail:
    path = path_of(place.image)
    try:
        content = read_bytes(path, limit=MAX_IMAGE_BYTES) if path else b""
    except InputError:
        content = b""
    small = thumbnail(content, place.box_xyxy_px)
    if not small:
        return _Thumbnail(place.image, None)
    return _Thumbnail(
        place.image, Markup(f"data:image/jpeg;base64,{base64.b64encode(small).decode()}")
    )


def _jpeg(picture: NDArray[Any]) -> bytes:
    written, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return content.tobytes() if written else b""
