"""What `beltmark-edge target` and `beltmark-edge calibrate` do: pictures in, files out.

Drawing, finding and working out are left to the modules beside this one.
"""

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import read_bytes, write_bytes, write_document
from beltmark.contract.errors import InputError
from edge_agent.calibration.document import FILE_NAME
from edge_agent.calibration.finding import calibrate, find_corners
from edge_agent.calibration.target import SHEETS, Paper, target_pdf, target_png
from edge_agent.capture.camera import open_camera
from edge_agent.capture.decoding import decode_picture
from edge_agent.capture.opening import parse_source
from edge_agent.capture.reference_file import FILE_NAME as REFERENCE_FILE
from edge_agent.printing.journal_lock import is_in_use
from edge_agent.settings import StationFile, read_settings

_MAX_PICTURE_BYTES = 64 * 1024 * 1024
_PATIENCE_S = 10.0
# A camera's first pictures may be dark: exposure and white balance settle meanwhile.
_FRAMES_TO_SETTLE = 5


def write_target(path: Path, paper: Paper) -> str:
    """Writes the target; returns what to do with it.

    Raises:
        InputError: The file's ending is neither .pdf nor .png.
    """
    sheet = SHEETS[paper]
    match path.suffix.lower():
        case ".pdf":
            content = target_pdf(sheet)
        case ".png":
            content = target_png(sheet)
        case _:
            raise InputError("neither .pdf nor .png", "choose one of these endings", file=path)
    write_bytes(path, content)
    return f"{path}: print it at 100 %; its squares are {sheet.square_mm:g} mm"


def calibrate_station(path: Path, picture: Path | None, square_mm: float) -> list[str]:
    """Finds the target on a station's belt and writes its calibration; returns what to tell.

    Args:
        path: The station file.
        picture: A photo by the station's camera; None takes one.
        square_mm: Side of the target's squares, as measured on paper.

    Raises:
        InputError: There is no picture, no target in it, or it is not seen well enough; nothing is
            written.
    """
    settings = read_settings(path)
    if picture is not None:
        image_bgr, corners_px = _from_file(picture)
    else:
        image_bgr, corners_px = _from_camera(settings, path)
    height_px, width_px = image_bgr.shape[:2]
    found = calibrate(corners_px, (width_px, height_px), square_mm, datetime.now(UTC))
    target = settings.zone.calibration or path.parent / FILE_NAME
    write_document(target, found)
    # A camera is calibrated where it hangs: what it should see is learnt from there.
    (settings.station.data / REFERENCE_FILE).unlink(missing_ok=True)
    told = [
        f"{target}: pictures of {width_px} x {height_px}, corners within {found.error_mm:.2f} mm "
        "of their places"
    ]
    if settings.zone.calibration is None:
        instead = " instead of mm_per_px" if settings.zone.mm_per_px is not None else ""
        told.append(f'write calibration = "{FILE_NAME}" under [zone] in {path}{instead}')
    return told


def _from_file(picture: Path) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    image_bgr = decode_picture(read_bytes(picture, limit=_MAX_PICTURE_BYTES))
    if image_bgr is None:
        raise InputError("not a picture that can be read", "give JPEG or PNG", file=picture)
    corners_px = find_corners(image_bgr)
    if corners_px is None:
        raise _no_target(str(picture))
    return image_bgr, corners_px


def _from_camera(
    settings: StationFile, station: Path
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    if is_in_use(settings.journal_path):
        raise InputError(
            "an agent runs here and has the camera",
            "stop it first: the target lies on its belt",
            file=station,
        )
    source = settings.camera.source
    shown = parse_source(source).shown
    camera = open_camera(source, fps=settings.camera.fps)
    camera.start()
    end, seen = time.monotonic() + _PATIENCE_S, False
    try:
        while (left := end - time.monotonic()) > 0 and not camera.mailbox.is_exhausted:
            frame = camera.mailbox.take(min(left, 0.5))
            if frame is None or (camera.is_live and frame.index < _FRAMES_TO_SETTLE):
                continue
            seen = True
            corners_px = find_corners(frame.image_bgr)
            if corners_px is not None:
                return frame.image_bgr, corners_px
    finally:
        camera.stop()
    if seen:
        raise _no_target(shown)
    raise InputError(
        camera.health.reason or "it sends no frame",
        "check that it is on, its address, its cable, and who else uses it",
        file=shown,
        field="camera.source",
    )


def _no_target(where: str) -> InputError:
    return InputError(
        "no calibration target in the picture",
        "lay it flat on the belt, wholly in view with its white edge, without glare",
        file=where,
    )
