"""Arithmetic of single boxes, in pixels. Pure; that of many at once is left to numpy's users."""

from beltmark.datasets.dataset import Box


def to_xywh(box_xyxy_px: Box) -> list[float]:
    """Returns left, top, width and height, as COCO has them."""
    left, top, right, bottom = box_xyxy_px
    return [left, top, right - left, bottom - top]


def iou(one: Box, other: Box) -> float:
    """Returns the area that two boxes share by the area that they cover together."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)
