"""Tells what kind of camera an address names, and opens it. Threads are left to the cameras."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from beltmark.contract.errors import InputError

SourceKind = Literal["device", "stream", "video", "folder"]

_DEVICE = re.compile(r"(?:/dev/video)?(\d{1,3})")
# What stands before the host may be a password.
_USER = re.compile(r"//[^/]*@")
_STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https")


@dataclass(frozen=True)
class SourceAddress:
    """Where frames come from.

    Attributes:
        kind: device (V4L2), stream (RTSP or HTTP), video (a file), folder (of pictures).
        text: The address itself.
    """

    kind: SourceKind
    text: str

    @property
    def is_live(self) -> bool:
        """True for what goes on whether anybody looks or not."""
        return self.kind in ("device", "stream")

    @property
    def shown(self) -> str:
        """The address for people and logs, without its password."""
        if self.kind != "stream":
            return self.text
        parts = urlsplit(self.text)
        if parts.password is None:
            return self.text
        netloc = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"{parts.username}:***@{netloc}").geturl()


def parse_source(text: str, field: str = "camera.source") -> SourceAddress:
    """Reads the `source` of a station file; files are looked for, live cameras are not.

    Raises:
        InputError: It is no camera, or the file or folder is missing.
    """
    if match := _DEVICE.fullmatch(text):
        return SourceAddress("device", f"/dev/video{match[1]}")
    scheme, has_scheme, _ = text.partition("://")
    if has_scheme:
        if scheme.lower() in _STREAM_SCHEMES and _has_host(text):
            return SourceAddress("stream", text)
        raise _no_source(text, "is no camera that is known here", field)
    path = Path(text)
    if path.is_dir():
        return SourceAddress("folder", text)
    if path.is_file():
        return SourceAddress("video", text)
    raise _no_source(text, "no such file or folder", field)


def _has_host(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _no_source(text: str, problem: str, field: str) -> InputError:
    return InputError(
        problem,
        "give /dev/video0, rtsp://…, http://…, a video file or a folder of pictures",
        file=_USER.sub("//***@", text),
        field=field,
    )
