import numpy as np
import pytest
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from beltmark.contract.package import Calibration
from edge_agent.vision.postprocess import uncalibrated
from training.evaluate.calibration import (
    brier,
    end_of_range,
    equal_mass_error,
    expected_error,
    fit_temperature,
    log_loss,
)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_distorted_the_scores_is_found(temperature: float) -> None:
    rng = np.random.default_rng(0)
    honest = rng.uniform(0.02, 0.98, 20_000).astype(np.float32)
    right = rng.uniform(size=len(honest)) < honest
    distorted = uncalibrated(honest[:, None], Calibration(temperature=temperature))
    fitted = fit_temperature(distorted, right)
    assert fitted.temperature == pytest.approx(temperature, rel=0.05)
    assert fitted.ece_before is not None
    assert fitted.ece_after is not None
    assert fitted.ece_after < 0.02
    assert fitted.ece_after <= fitted.ece_before + 1e-3


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_of_classes_that_are_weighed_together_is_found(temperature: float) -> None:
    rng = np.random.default_rng(0)
    honest = rng.dirichlet(np.full(12, 0.3), 8_000).astype(np.float32)
    truths = (honest.cumsum(axis=1) > rng.uniform(size=(len(honest), 1))).argmax(axis=1)
    known = Calibration(method="softmax_temperature", temperature=temperature)
    fitted = fit_temperature(
        uncalibrated(honest, known), honest.argmax(axis=1) == truths, known.method
    )
    assert fitted.method == known.method
    assert fitted.temperature == pytest.approx(temperature, rel=0.05)
    assert fitted.ece_after is not None
    assert fitted.ece_after < 0.02


def test_a_temperature_at_the_end_of_what_is_tried_is_told() -> None:
    scores = np.full((100, 1), 0.95, np.float32)
    useless = fit_temperature(scores, np.arange(100) % 2 == 0)
    assert "NO TEMPERATURE HELPS" in (end_of_range(useless.temperature) or "")
    assert end_of_range(1.0) is None
    unsure = fit_temperature(np.full((100, 1), 0.51, np.float32), np.ones(100, bool))
    assert "FAR TOO UNSURE" in (end_of_range(unsure.temperature) or "")


def test_expected_error_of_known_scores() -> None:
    scores = np.array([0.9, 0.9, 0.9, 0.9], np.float32)
    right = np.array([True, True, False, False])
    assert expected_error(scores, right) == pytest.approx(0.4)


def test_nothing_found_leaves_scores_as_they_are() -> None:
    fitted = fit_temperature(np.zeros((0, 1), np.float32), np.zeros(0, np.bool_))
    assert fitted.temperature == 1


def test_brier_and_log_loss_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    scores = rng.uniform(0.01, 0.99, 200).astype(np.float32)
    right = rng.uniform(size=200) < scores
    assert brier(scores, right) == pytest.approx(brier_score_loss(right, scores), rel=1e-5)
    assert log_loss(scores, right) == pytest.approx(sklearn_log_loss(right, scores), rel=1e-5)


def test_bins_of_equal_mass_see_what_crowds_into_one_bin() -> None:
    scores = np.concatenate([np.full(50, 0.985), np.full(50, 0.999)]).astype(np.float32)
    right = np.concatenate([np.ones(50, bool), np.arange(50) % 2 == 0])
    assert expected_error(scores, right) == pytest.approx(0.242, abs=1e-3)
    assert equal_mass_error(scores, right) > expected_error(scores, right) + 0.01
    assert equal_mass_error(scores[:0], right[:0]) == 0
