"""The calibration target as a simulated camera sees it, lying on the belt."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.simulation.view import View
from edge_agent.calibration.target import SHEETS, target_png

# The sheet is drawn finer than it is seen, and averaged: a lens does not alias.
_FINER = 4


def target_seen(
    view: View, paper: Literal["a4", "a3", "letter"] = "a4", *, noise: float = 4.0
) -> NDArray[np.uint8]:
    """Returns the picture, uint8 [height, width, 3] BGR, of a sheet in the middle of the belt."""
    sheet = SHEETS[paper]
    printed = cv2.imdecode(np.frombuffer(target_png(sheet), np.uint8), cv2.IMREAD_COLOR)
    assert printed is not None
    rows, columns = printed.shape[:2]
    half_x, half_y = sheet.height_mm / 2, sheet.width_mm / 2  # its long side along the belt
    lies_mm = np.array([[-half_x, half_y], [-half_x, -half_y], [half_x, -half_y], [half_x, half_y]])
    seen_px = view.project(np.column_stack([lies_mm, np.zeros(4)]))
    sheet_px = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    matrix = cv2.getPerspectiveTransform(sheet_px, (seen_px * _FINER).astype(np.float32))
    fine = cv2.warpPerspective(
        cv2.GaussianBlur(printed, (0, 0), 2),
        matrix,
        (view.width_px * _FINER, view.height_px * _FINER),
        borderValue=(60, 70, 50),
    )
    image = cv2.resize(fine, (view.width_px, view.height_px), interpolation=cv2.INTER_AREA)
    grain = np.random.default_rng(0).normal(0, noise, image.shape)
    return np.asarray(np.clip(image * 0.8 + 20 + grain, 0, 255), np.uint8)
