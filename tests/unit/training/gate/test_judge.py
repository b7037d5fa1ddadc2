from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beltmark.contract.documents import parse
from beltmark.contract.gate import CriterionResult
from beltmark.contract.package import InputSpec, Manifest, OutputSpec
from beltmark.datasets.dataset import LabelledImage
from training.charter.document import Charter
from training.evaluate.matching import Found, Truth
from training.gate.judge import Contender, judge
from training.gate.measures import measured

MANIFEST = Manifest(
    name="m",
    classes=("box", "disc", "none"),
    none_of_these="none",
    input=InputSpec(height_px=64, width_px=64),
    outputs=OutputSpec(embedding_size=1),
    files={"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
)
BOX = np.array([[0, 0, 10, 10]], np.float32)
NO_BOX = np.zeros((0, 4), np.float32)


def images(number: int) -> tuple[LabelledImage, ...]:
    """Half of them in dim light; each its own scene."""
    return tuple(
        LabelledImage(
            Path(f"{i}.jpg"), 64, 64, str(i), str(i), (), (),
            attributes={"light": "dim" if i % 2 else "bright"},
        )
        for i in range(number)
    )  # fmt: skip


def contender(said: list[int], *, numbers: dict[str, float | None] | None = None) -> Contender:
    """A model that says these classes (-1: nothing) where there is a box, by turns a disc."""
    truths = [Truth(BOX, np.array([i % 2], np.int64), NO_BOX) for i in range(len(said))]
    found = [
        Found(BOX, np.array([label], np.int64), np.array([0.9], np.float32))
        if label >= 0
        else Found(NO_BOX, np.zeros(0, np.int64), np.zeros(0, np.float32))
        for label in said
    ]
    return Contender(measured(MANIFEST, found, truths, 0.5), numbers or {})


def charter(*criteria: dict[str, Any], **more: Any) -> Charter:
    base = {
        "name": "c", "purpose": "p", "users": "u", "owner": "o",
        "labels": {"target_precision": 0.9, "least_coverage": 0.9},
        "criteria": criteria,
    }  # fmt: skip
    return parse(base | more, Charter, "charter.toml")


def judged(
    one: Contender, *criteria: dict[str, Any], champion: Contender | None = None, **more: Any
) -> list[CriterionResult]:
    number = len(one.measured.answers)
    return list(judge(charter(*criteria, **more), images(number), one, champion, draws=200))


AP = {"metric": "detection.ap50", "at_least": 0.9}
PERFECT = [i % 2 for i in range(100)]


def test_a_perfect_model_passes_with_enough_scenes_only() -> None:
    assert judged(contender(PERFECT), AP)[0].passed
    few = judged(contender(PERFECT[:20]), AP)[0]
    assert not few.passed
    assert few.value == 1.0
    assert "not sure enough" in few.reason
    assert "fault" in few.reason


def test_too_few_groups_are_not_measured() -> None:
    (result,) = judged(contender(PERFECT[:9]), AP)
    assert not result.passed
    assert result.value is None
    assert "9 groups by scene, 10 are needed" in result.reason


@pytest.mark.parametrize(
    ("criterion", "told"),
    [
        ({"metric": "detection.ap50", "at_least": 0.1, "slice": "scene:none"}, "no image is in"),
        ({"metric": "detection.ap50", "at_least": 0.1, "class_name": "cup"}, "no class 'cup'"),
        ({"metric": "speed.model_ms", "at_most": 9}, "no figure speed.model_ms"),
        ({"metric": "robustness.blur", "at_least": 0.1}, "(it has robustness.noise)"),
        ({"metric": "robustness.noise", "at_least": 0, "slice": "light:dim"}, "by class or slice"),
        ({"metric": "robustness.none", "at_least": 0}, "has no value for"),
    ],
)
def test_what_could_not_be_measured_fails(criterion: dict[str, Any], told: str) -> None:
    one = contender(PERFECT, numbers={"robustness.noise": 0.5, "robustness.none": None})
    (result,) = judged(one, criterion)
    assert not result.passed
    assert told in result.reason


def test_a_group_that_an_image_does_not_say_is_not_measured() -> None:
    (result,) = judged(contender(PERFECT), AP, group_by="session")
    assert not result.passed
    assert "session" in result.reason


def test_slices_classes_and_labels_are_judged_apart() -> None:
    said = [i % 2 if i % 2 == 0 else 0 for i in range(200)]  # every disc, dim, is called a box
    one = contender(said)
    results = judged(
        one,
        AP | {"slice": "light:bright"},
        AP | {"slice": "light:dim"},
        {"metric": "detection.ap50", "at_least": 0.4, "class_name": "box"},
        {"metric": "detection.ap50", "at_least": 0.4, "class_name": "disc"},
        {"metric": "labels.precision", "at_least": 0.6},
        {"metric": "labels.coverage", "at_least": 0.9},
        {"metric": "calibration.ece", "at_most": 0.2},
    )
    assert [each.passed for each in results] == [True, False, True, False, False, True, False]
    assert results[4].value == 0.5


def test_figures_of_the_evaluation_are_judged_as_they_stand() -> None:
    one = contender(PERFECT, numbers={"speed.model_ms": 9.0})
    at_most, at_least = judged(
        one,
        {"metric": "speed.model_ms", "at_most": 9},
        {"metric": "speed.model_ms", "at_least": 9.1},
    )
    assert at_most.passed
    assert not at_least.passed
    assert "without interval" in at_most.reason


def test_a_champion_that_is_missing_or_better_is_told() -> None:
    margin = {"metric": "detection.ap50", "margin": 0.05}
    loose = {"metric": "detection.ap50", "at_least": 0.0}
    (_, missing) = judged(contender(PERFECT), loose, against_champion=[margin])
    assert not missing.passed
    assert "--champion" in missing.reason
    blind = [label if i % 5 else -1 for i, label in enumerate(PERFECT)]
    (_, worse) = judged(
        contender(blind), loose, champion=contender(PERFECT), against_champion=[margin]
    )
    assert not worse.passed
    assert worse.high is not None
    assert worse.high < 0
    (_, better) = judged(
        contender(PERFECT), loose, champion=contender(blind), against_champion=[margin]
    )
    assert better.passed


def test_numbers_against_the_champion_go_by_the_better_side() -> None:
    asked = {"metric": "speed.model_ms", "margin": 1, "better": "lower"}
    loose = {"metric": "detection.ap50", "at_least": 0.0}
    fast = contender(PERFECT, numbers={"speed.model_ms": 5.0})
    slow = contender(PERFECT, numbers={"speed.model_ms": 9.0})
    assert judged(fast, loose, champion=slow, against_champion=[asked])[1].passed
    assert not judged(slow, loose, champion=fast, against_champion=[asked])[1].passed
    unknown = judged(fast, loose, champion=contender(PERFECT), against_champion=[asked])[1]
    assert not unknown.passed
    assert "champion's figure" in unknown.reason
