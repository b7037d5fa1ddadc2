"""The proof: how often the gate errs, on simulated detections of models whose skill is known."""

import numpy as np
import pytest

from bench.gate_errors import Skill, passes, trial
from training.evaluate.matches import ap_statistic, match

pytestmark = pytest.mark.xdist_group("gate_errors")

CHAMPION, WORSE, BETTER = Skill(2.0), Skill(1.75), Skill(2.6)
MARGIN = 0.03
"""By which WORSE is worse, in AP50, on 4,000 scenes (bench.gate_errors): just not allowed."""
GATES = 200
ALPHA = 0.05
MOST_WRONG = 16
"""More passes than this have a chance below 3 % if one in twenty is the truth."""


def test_a_worse_model_that_looks_better_by_chance_is_refused() -> None:
    rng = np.random.default_rng(1)
    passed = looked_better = 0
    for _ in range(GATES):
        drawn = trial(WORSE, CHAMPION, 15, rng)
        passed += passes(drawn, floor=None, margin=MARGIN, draws=150)
        seen = [
            ap_statistic(match(found, drawn.truths, 1, iou_thresholds=np.array([0.5])))(
                np.arange(len(drawn.images))
            )
            for found in (drawn.candidate, drawn.champion)
        ]
        looked_better += seen[0] > seen[1]
    # On so few scenes a plain comparison would take the worse model in many of the gates...
    assert looked_better > 0.1 * GATES
    # ...and this gate in no more than it said it would.
    assert passed <= MOST_WRONG


def test_a_better_model_passes_with_enough_data() -> None:
    rng = np.random.default_rng(2)
    passed = sum(
        passes(trial(BETTER, CHAMPION, 150, rng), floor=0.8, margin=0.01, draws=200)
        for _ in range(8)
    )
    assert passed >= 7
