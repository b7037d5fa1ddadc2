"""Any part can hold the belt."""

import logging

import pytest

from edge_agent.outputs.fitness import Fitness


def test_one_objection_holds_the_belt_and_each_change_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    reasons: dict[str, str | None] = {"camera": None, "journal": None}
    fitness = Fitness(lambda: now)
    fitness.ask("camera", lambda: reasons["camera"])
    fitness.ask("journal", lambda: reasons["journal"])
    with caplog.at_level(logging.INFO):
        assert fitness.may_run()
        assert fitness.may_run()
        reasons["journal"] = "disk full"
        for now in (1.0, 1.6, 2.0):  # noqa: B007 - the clock reads it
            assert not fitness.may_run()
        assert fitness.problems() == {"journal": "disk full"}
        reasons["journal"] = None
        assert fitness.may_run()
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "run permit given",
        "run permit withheld: journal: disk full",
        "run permit given",
    ]


def test_an_objection_that_passes_at_once_holds_but_is_not_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    reason: str | None = None
    fitness = Fitness(lambda: now)
    fitness.ask("station", lambda: reason)
    with caplog.at_level(logging.INFO):
        assert fitness.may_run()
        reason = "a label is slow to come out"
        assert not fitness.may_run()
        now, reason = 0.3, None
        assert fitness.may_run()
    assert [record.getMessage() for record in caplog.records] == ["run permit given"]
