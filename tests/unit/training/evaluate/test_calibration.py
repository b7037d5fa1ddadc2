import numpy as np
import pytest

from edge_agent.vision.postprocess import calibrated
from training.evaluate.calibration import expected_error, fit_temperature


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_distorted_the_scores_is_found(temperature: float) -> None:
    rng = np.random.default_rng(0)
    honest = rng.uniform(0.02, 0.98, 20_000).astype(np.float32)
    right = rng.uniform(size=len(honest)) < honest
    fitted = fit_temperature(calibrated(honest, 1 / temperature), right)
    assert fitted.temperature == pytest.approx(temperature, rel=0.05)
    assert fitted.ece_before is not None
    assert fitted.ece_after is not None
    assert fitted.ece_after < 0.02
    assert fitted.ece_after <= fitted.ece_before + 1e-3


def test_expected_error_of_known_scores() -> None:
    scores = np.array([0.9, 0.9, 0.9, 0.9], np.float32)
    right = np.array([True, True, False, False])
    assert expected_error(scores, right) == pytest.approx(0.4)


def test_nothing_found_leaves_scores_as_they_are() -> None:
    fitted = fit_temperature(np.zeros(0, np.float32), np.zeros(0, np.bool_))
    assert fitted.temperature == 1
