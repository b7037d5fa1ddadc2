"""What pycocotools says of detections: the judge for our own average precision."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from training.evaluate.matching import Found, Truth


def found(boxes: Any, labels: Any, scores: Any) -> Found:
    return Found(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(labels, np.int64),
        np.array(scores, np.float32),
    )


def truth(boxes: Any, labels: Any, ignored: Any = ()) -> Truth:
    return Truth(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(labels, np.int64),
        np.array(ignored, np.float32).reshape(-1, 4),
    )


def coco_eval(
    scenes: Sequence[tuple[Found, Truth]],
    class_count: int,
    *,
    area_px: tuple[float, float] = (0, 1e10),
    crowds: Sequence[tuple[int, int, tuple[float, float, float, float]]] = (),
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average precision and recall, float64 [C, 10] each, NaN for classes that do not occur.

    Args:
        scenes: Of each image, what was found and what is there.
        class_count: How many classes there are.
        area_px: Range of areas that are judged.
        crowds: Image, class and box of each.
    """
    annotations = [
        _annotation(index, int(label), box.tolist(), is_crowd=0)
        for index, (_, there) in enumerate(scenes)
        for box, label in zip(there.boxes, there.labels, strict=True)
    ] + [_annotation(index, label, list(box), is_crowd=1) for index, label, box in crowds]
    results = [
        {"image_id": index, "category_id": int(label), "bbox": _xywh(box.tolist()),
         "score": float(score)}
        for index, (each, _) in enumerate(scenes)
        for box, label, score in zip(each.boxes, each.labels, each.scores, strict=True)
    ]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": index} for index in range(len(scenes))],
            "categories": [{"id": label, "name": str(label)} for label in range(class_count)],
            "annotations": [{"id": k + 1, **a} for k, a in enumerate(annotations)],
        }
        coco.createIndex()
        measured = COCOeval(coco, coco.loadRes(results) if results else _nothing(coco), "bbox")
        measured.params.areaRng = [list(area_px)]
        measured.params.areaRngLbl = ["all"]
        measured.params.maxDets = [100]
        measured.evaluate()
        measured.accumulate()
    precision = measured.eval["precision"][:, :, :, 0, 0]  # [T, R, C]
    recall = measured.eval["recall"][:, :, 0, 0]  # [T, C]
    return (
        np.where(precision.mean(axis=1) < 0, np.nan, precision.mean(axis=1)).T,
        np.where(recall < 0, np.nan, recall).T,
    )


def _nothing(coco: COCO) -> COCO:
    empty = COCO()
    empty.dataset = {**coco.dataset, "annotations": []}
    empty.createIndex()
    return empty


def _annotation(image: int, label: int, box: list[float], *, is_crowd: int) -> dict[str, Any]:
    x, y, width, height = _xywh(box)
    return {"image_id": image, "category_id": label, "bbox": [x, y, width, height],
            "iscrowd": is_crowd, "area": width * height}  # fmt: skip


def _xywh(box: Sequence[float]) -> list[float]:
    left, top, right, bottom = box
    return [left, top, right - left, bottom - top]
