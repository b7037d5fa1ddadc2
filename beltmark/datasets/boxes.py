"""Arithmetic of single boxes, in pixels. Pure; that of many at once is left to numpy's users."""

from beltmark.datasets.dataset import Box


def to_xywh(box_xyxy_px: Box) -> list[float]:
    """Returns left, top, width and height, as COCO has them."""
    left, top, right, bottom = box_xyxy_px
    return [left, top, right - left, bottom - top]
