import pytest

from training.config import TrainingSettings
from training.engine import learning_rate


def test_the_rate_rises_then_falls_to_almost_nothing() -> None:
    settings = TrainingSettings(steps=100, warmup_steps=10)
    rates = [learning_rate(step, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.01, abs=2e-3)


def test_a_run_shorter_than_its_warm_up_still_has_a_rate() -> None:
    settings = TrainingSettings(steps=5, warmup_steps=10)
    assert all(0 < learning_rate(step, settings) <= 1 for step in range(5))
