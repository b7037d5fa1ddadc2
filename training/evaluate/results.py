"""Writes detections in COCO's results format, for whoever judges them with other tools."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from beltmark.contract.documents import read_bytes, write_json
from beltmark.datasets.dataset import Dataset
from training.evaluate.evaluation import Evaluation

MAX_ANNOTATION_BYTES = 1024 * 1024 * 1024


def write_results(
    path: Path, dataset: Dataset, evaluation: Evaluation, names: tuple[str, ...]
) -> None:
    """Writes all that was found, also in regions that are not judged.

    Ids are those of the dataset's COCO file. Where it is of another format, images are numbered
    from 1 in the dataset's order, and classes in the model's; `file_name` is given too.

    Args:
        path: The file to write.
        dataset: What was evaluated on.
        evaluation: On some of its images.
        names: The model's classes.
    """
    image_ids, category_ids = _coco_ids(dataset)
    by_path = {image.path: number for number, image in enumerate(dataset.images, 1)}
    rows: list[dict[str, object]] = []
    for image, seen in zip(evaluation.images, evaluation.seen, strict=True):
        image_id = image_ids.get(str(image.path), by_path[image.path])
        found = seen.found
        for box, label, score in zip(
            found.boxes.tolist(), found.labels.tolist(), found.scores.tolist(), strict=True
        ):
            left, top, right, bottom = box
            rows.append(
                {
                    "image_id": image_id,
                    "category_id": category_ids.get(names[label], label + 1),
                    "bbox": [round(x, 3) for x in (left, top, right - left, bottom - top)],
                    "score": round(score, 6),
                    "file_name": image.path.name,
                }
            )
    write_json(path, rows)


def _coco_ids(dataset: Dataset) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Returns the ids of image files and class names, where the dataset is a COCO file."""
    if dataset.path.suffix != ".json" or not dataset.path.is_file():
        return {}, {}
    try:
        document: Any = json.loads(read_bytes(dataset.path, limit=MAX_ANNOTATION_BYTES))
        return (
            {str(dataset.path.parent / row["file_name"]): row["id"] for row in document["images"]},
            {row["name"]: row["id"] for row in document["categories"]},
        )
    except (ValueError, KeyError, TypeError):
        return {}, {}
