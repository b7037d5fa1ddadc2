"""Renders labels with a renderer that is not ours, for tests that read them back."""

import numpy as np
import zplkit
from numpy.typing import NDArray
from zplkit.parse import parse

DPI = {8: 203, 12: 300}


def rendered(
    zpl: bytes, width_mm: float, height_mm: float, dpmm: int, profile: str = "zd621"
) -> NDArray[np.uint8]:
    """The renderer's picture: shape (height, width), uint8, 0 is ink. It doesn't know `^PQ`."""
    elements = [element.data for element in parse(zpl).elements]
    known = b"".join(data for data in elements if not data.startswith(b"^PQ1"))
    options = zplkit.Options(
        profile=profile,
        width=round(width_mm * dpmm),
        height=round(height_mm * dpmm),
        dpi=DPI[dpmm],
    )
    (label,) = zplkit.render(known, options).labels
    raster = label.rasterize()
    return np.frombuffer(raster.pixels, np.uint8).reshape(raster.height, raster.width)
