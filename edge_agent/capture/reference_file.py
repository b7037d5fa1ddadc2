"""Keeps what a camera's picture looks like when all is well, over restarts.

What is learnt and compared is left to `scene`. A file that cannot be used is learnt anew.
"""

import io
import logging
import zipfile
from functools import partial
from pathlib import Path

import numpy as np

from beltmark.contract.documents import read_bytes, write_bytes
from beltmark.contract.errors import InputError
from edge_agent.capture.faults import PictureWatch
from edge_agent.capture.live import LiveLimits
from edge_agent.capture.scene import SceneReference

logger = logging.getLogger(__name__)

FILE_NAME = "camera-reference.npz"
"""In the data folder; without it, a station learns anew."""

_MAX_BYTES = 16 * 1024 * 1024
_MAX_POINTS = 2_000_000


def open_picture_watch(folder: Path, *, watches_place: bool) -> PictureWatch:
    """Returns what judges a camera's pictures, with what was learnt before.

    Args:
        folder: The station's data folder.
        watches_place: See `PictureWatch`.
    """
    path = folder / FILE_NAME
    return PictureWatch(
        LiveLimits.frozen_after_s,
        reference=kept_reference(path),
        learnt=partial(keep_reference, path),
        watches_place=watches_place,
    )


def keep_reference(path: Path, reference: SceneReference) -> None:
    """Writes it; says so where that fails, for nothing but the next start suffers."""
    content = io.BytesIO()
    np.savez_compressed(
        content,
        picture_px=np.array(reference.picture_px),
        edges=reference.edges.astype(np.float16),
        steepness=np.array(reference.steepness),
        fine=reference.fine.astype(np.float16),
        activity=reference.activity,
    )
    try:
        write_bytes(path, content.getvalue())
    except (InputError, OSError) as error:
        logger.warning("%s: cannot be written: %s", path, error)


def kept_reference(path: Path) -> SceneReference | None:
    """Reads it; None where there is none, or none that can be used."""
    if not path.exists():
        return None
    try:
        with np.load(io.BytesIO(read_bytes(path, limit=_MAX_BYTES)), allow_pickle=False) as file:
            width_px, height_px = (int(side) for side in file["picture_px"])
            grids = [np.asarray(file[name], np.float32) for name in ("edges", "fine", "activity")]
            steepness = float(file["steepness"])
    except (InputError, OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        logger.warning("%s: is damaged; the camera's picture is learnt anew", path)
        return None
    if any(g.ndim != 2 or g.size > _MAX_POINTS or not np.isfinite(g).all() for g in grids):
        logger.warning("%s: is damaged; the camera's picture is learnt anew", path)
        return None
    edges, fine, activity = grids
    return SceneReference((width_px, height_px), edges, steepness, fine, activity)
