import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from labeling.champion import Champion

PACKAGE = Path(__file__).parents[3] / "beltmark" / "bundled" / "release" / "package"


@pytest.fixture
def picture() -> np.ndarray:
    return cv2.imread(str(PACKAGE / "golden" / "00.jpg"))


@pytest.fixture
def classes() -> set[str]:
    return set(json.loads((PACKAGE / "manifest.json").read_text())["classes"])


def test_what_it_sees_becomes_a_prediction(picture: np.ndarray, classes: set[str]) -> None:
    champion = Champion(PACKAGE, classes)
    seen = champion.look(picture)
    assert seen.prediction["model_version"] == champion.version
    regions = seen.prediction["result"]
    assert regions
    assert seen.prediction["score"] == min(region["score"] for region in regions) >= 0.25
    assert {region["original_width"] for region in regions} == {picture.shape[1]}
    assert 0 <= seen.uncertainty <= 1


def test_what_the_project_does_not_know_and_what_is_unlikely_is_not_shown(
    picture: np.ndarray, classes: set[str]
) -> None:
    seen = Champion(PACKAGE, classes).look(picture)
    named = {region["value"]["rectanglelabels"][0] for region in seen.prediction["result"]}
    without = Champion(PACKAGE, classes - named)
    assert without.look(picture).prediction["result"] == []
    assert "score" not in Champion(PACKAGE, classes, 1.0).look(picture).prediction
    assert without.look(picture).uncertainty == seen.uncertainty
