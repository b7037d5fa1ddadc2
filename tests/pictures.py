"""Small image files for tests of datasets."""

from pathlib import Path

import cv2
import numpy as np

WIDTH_PX, HEIGHT_PX = 64, 48


def write_picture(path: Path, size: tuple[int, int] = (WIDTH_PX, HEIGHT_PX)) -> Path:
    """Writes a grey image, making its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((size[1], size[0], 3), 90, np.uint8))
    return path
