"""Small datasets with their images, and tasks as Label Studio exports them."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

WIDTH, HEIGHT = 64, 48

HOSTILE = "car\"ton <b>&amp; 'x' ]]> ü"
"""A class name that would break XML, if it could."""


def write_dataset(folder: Path, **changes: Any) -> Path:
    """Writes a dataset of three images that has all that a dataset of ours can have."""
    document = {
        "info": {"description": "made for a test"},
        "categories": [
            {"id": 7, "name": "cup"},
            {"id": 2, "name": HOSTILE, "supercategory": "carton"},
            {"id": 9, "name": "never used"},
        ],
        "images": [
            {"id": 4, "file_name": "images/a b#1.png", "width": WIDTH, "height": HEIGHT,
             "scene": 5, "sequence": "9", "ignore": [[0, 0, 4, 4], [1.5, 2.25, 10.1, 3]]},
            {"id": 2, "file_name": "images/b.png", "width": WIDTH, "height": HEIGHT, "ignore": []},
            {"id": 3, "file_name": "images/c.png", "width": WIDTH, "height": HEIGHT},
        ],
        "annotations": [
            {"id": 11, "image_id": 4, "category_id": 7, "bbox": [10, 10, 20, 20], "area": 400,
             "iscrowd": 0, "track_id": 3, "truncated": True, "blurred": False, "uncertain": True},
            {"id": 12, "image_id": 4, "category_id": 2, "bbox": [1 / 3, 0.1, 20.123456789012345, 7],
             "segmentation": [[1, 2, 3, 4, 5, 6]], "visible_fraction": 0.25},
            {"id": 20, "image_id": 2, "category_id": 2, "bbox": [-1, 0, 10, 10], "score": 0.5},
            {"id": 21, "image_id": 2, "category_id": 7, "bbox": [0, 0, 64, 48], "iscrowd": 1},
        ],
    }  # fmt: skip
    document.update(changes)
    for image in document["images"]:
        path = folder / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((image["height"], image["width"], 3), 90, np.uint8))
    path = folder / "annotations.json"
    path.write_text(json.dumps(document))
    return path


def region(region_id: str = "r1", label: str | None = "cup", **changes: Any) -> dict[str, Any]:
    """A box as Label Studio exports it; `value` is changed by what its fields are named."""
    value: dict[str, Any] = {"x": 25, "y": 25, "width": 50, "height": 50, "rotation": 0}
    if label is not None:
        value["rectanglelabels"] = [label]
    value.update({key: changes.pop(key) for key in tuple(changes) if key in value})
    return {
        "id": region_id,
        "from_name": "label",
        "to_name": "image",
        "type": "rectanglelabels",
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "image_rotation": 0,
        "value": value,
        **changes,
    }


def answer(*regions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """One person's answer."""
    return {
        "id": 1,
        "result": list(regions),
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-11-25T12:00:00.5Z",
        "updated_at": "2026-11-25T12:00:00.5Z",
        **changes,
    }


def task(task_id: int, *answers: dict[str, Any], image: str = "", **data: Any) -> dict[str, Any]:
    """A task; its image is `N.png` unless named."""
    address = image or f"/data/upload/1/{task_id}.png"
    return {
        "id": task_id,
        "data": {"image": address, **data},
        "annotations": list(answers),
        "predictions": [5],
    }


def write_tasks(folder: Path, tasks: object) -> Path:
    """Writes an export."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "project-1.json"
    path.write_text(json.dumps(tasks))
    return path
