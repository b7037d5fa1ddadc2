"""Looks at the place where labels are read after printing, for `check`."""

from beltmark.contract.errors import InputError
from edge_agent.capture.glance import glance
from edge_agent.capture.section import CameraSection
from edge_agent.station.picture_size import beyond_picture
from edge_agent.verification.reader import read_labels
from edge_agent.verification.section import VerificationSection


def look_at_scan(section: VerificationSection, camera: CameraSection) -> str:
    """Says what is seen there.

    Raises:
        InputError: The camera sends nothing, or the scan zone is not in its picture.
    """
    if section.has_own_camera:
        seen = glance(section.source, field="verification.source")
    else:
        seen = glance(camera.source, camera.fps)
    height_px, width_px = seen.image_bgr.shape[:2]
    beyond = beyond_picture(section.rect_xyxy_px, width_px, height_px)
    if beyond is not None:
        raise InputError(beyond, "correct it", field="verification.rect_xyxy_px")
    left, top, right, bottom = (round(edge) for edge in section.rect_xyxy_px)
    read = len(read_labels(seen.image_bgr[top:bottom, left:right]).markings)
    early_s, late_s = section.window_s
    return (
        f"{seen.told}, {read} labels in it now; a label is awaited {early_s:.2f} to {late_s:.2f} s "
        "after the decision line (read, not graded)"
    )
