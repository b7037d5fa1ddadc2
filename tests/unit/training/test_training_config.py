from pathlib import Path
from typing import Any

import pytest

from beltmark.contract.documents import parse
from beltmark.contract.errors import InputError
from training.config import TrainConfig
from training.data.augment import Augmenter
from training.presets import read_config

RECIPES = Path(__file__).resolve().parents[3] / "training" / "recipes"


def document(**changes: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "data": {"annotations": "annotations.json", "test_scenes": [1]},
        "input": {"width_px": 96, "height_px": 64},
        "training": {"steps": 10},
    } | changes


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_recipes_are_valid(recipe: Path) -> None:
    config = read_config(recipe)
    Augmenter(config.augment.pipeline, recipe)


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"input": {"width_px": 100, "height_px": 64}}, "input.width_px", "multiple of 32"),
        ({"training": {"steps": 0}}, "training.steps", "greater than"),
        ({"training": {"steps": 5, "learning_rat": 1}}, "training.learning_rat", "unknown field"),
        ({"data": {}}, "data", "either annotations or simulated"),
        (
            {"data": {"annotations": "a.json", "test_scenes": [1], "test_share": 0.1}},
            "data",
            "not both",
        ),
        ({"data": {"annotations": "a.json"}}, "data", "to be judged by"),
        (
            {"data": {"annotations": "a.json", "split": "s.json", "test_scenes": [1]}},
            "data",
            "name no scenes",
        ),
        (
            {"data": {"annotations": "a.json", "test_share": 0.1, "fold": 1}},
            "data",
            "name the split",
        ),
        (
            {"data": {"annotations": "a", "own_parts": True, "test_share": 0.1}},
            "data",
            "name no others",
        ),
        ({"training": {"steps": 5, "backbone": "../x"}}, "training.backbone", "pattern"),
        ({"task": "segment"}, "task", "detect"),
        ({"augment": {"pipeline": [{"name": "x.y"}]}}, "augment.pipeline.0.name", "pattern"),
        ({"name": "../up"}, "name", "pattern"),
    ],
)
def test_what_does_not_fit_names_the_field(changes: dict[str, Any], field: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        parse(document(**changes), TrainConfig, "config.toml")
    assert caught.value.field == field


@pytest.mark.parametrize("field", ["dropout", "label_smoothing", "mixup"])
def test_what_only_classifiers_learn_with_is_refused_for_detectors(field: str) -> None:
    given = {"training": {"steps": 5, field: 0.1}}
    with pytest.raises(InputError, match=f'training.{field} is for task = "classify"'):
        parse(document(**given), TrainConfig, "config.toml")
    assert parse(document(task="classify", **given), TrainConfig, "config.toml")


@pytest.mark.parametrize(
    "given",
    [
        {"augment": {"mosaic_share": 0.1}},
        {"augment": {"paste_share": 0.1}},
        {"augment": {"simulated_backgrounds": 4}},
        {"data": {"simulated": {"images": 6, "seed": 1}, "test_share": 0.2}},
    ],
)
def test_what_only_detectors_learn_from_is_refused_for_classifiers(given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match='is for task = "detect" only'):
        parse(document(task="classify", **given), TrainConfig, "config.toml")
    assert parse(document(**given), TrainConfig, "config.toml")
