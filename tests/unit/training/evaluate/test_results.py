"""Detections in COCO's results format: ids of the COCO file, or numbers where there is none."""

import json
from dataclasses import replace
from pathlib import Path

from evaluated import NAMES, Shot, dataset_of, evaluation_of

from training.evaluate.results import write_results

BOX = (10.0, 20.0, 30.0, 60.0)
SHOTS = [Shot([("cup", BOX)], []), Shot([], [("tube", BOX, 0.75)])]


def test_without_a_coco_file_images_and_classes_are_numbered_from_one(tmp_path: Path) -> None:
    write_results(tmp_path / "out.json", dataset_of(SHOTS), evaluation_of(SHOTS), NAMES)
    assert json.loads((tmp_path / "out.json").read_text()) == [
        {
            "image_id": 2,
            "category_id": 3,
            "bbox": [10, 20, 20, 40],
            "score": 0.75,
            "file_name": "1.jpg",
        }
    ]


def test_a_json_file_of_another_kind_is_not_taken_for_coco(tmp_path: Path) -> None:
    for content in ("[]", '{"images": 3}', "nonsense"):
        path = tmp_path / "tasks.json"
        path.write_text(content)
        dataset = replace(dataset_of(SHOTS), path=path)
        write_results(tmp_path / "out.json", dataset, evaluation_of(SHOTS), NAMES)
        assert json.loads((tmp_path / "out.json").read_text())[0]["image_id"] == 2
