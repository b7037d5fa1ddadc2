"""The thread that keeps the releases' signatures valid, whatever goes wrong meanwhile."""

import threading

import pytest
from waiting import until

from beltmark.contract.errors import InputError
from fleet_server.renewal import Renewal


class Repository:
    """Renews as it is told to."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.looks = 0
        self.looked = threading.Condition()

    def renew(self) -> tuple[str, ...]:
        with self.looked:
            self.looks += 1
            self.looked.notify_all()
        if self.error is not None:
            raise self.error
        return ("timestamp",)


@pytest.fixture
def repository() -> Repository:
    return Repository()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (InputError("is damaged", "restore it"), "cannot be renewed: is damaged (restore it)"),
        (OSError(28, "No space left on device"), "cannot be renewed: [Errno 28] No space left"),
        (ValueError("a bug"), "cannot be renewed; the log tells more"),
    ],
)
def test_a_failure_is_told_and_tried_again(error, told, repository):
    repository.error = error
    renewal = Renewal(repository.renew, look_period_s=3_600.0, retry_period_s=0.01)
    assert renewal.problems() == []
    renewal.start()
    try:
        until(lambda: repository.looks >= 3, "it is tried again")
        (problem,) = renewal.problems()
        assert told in problem
        repository.error = None
        until(lambda: not renewal.problems(), "it is well again")
    finally:
        renewal.stop()
    assert renewal.problems() == []


def test_it_looks_at_once_and_again_and_ends_in_the_midst_of_a_pause(repository):
    renewal = Renewal(repository.renew, look_period_s=0.01)
    renewal.start()
    until(lambda: repository.looks >= 2, "it looks again")
    renewal.stop()
    looks = repository.looks
    patient = Renewal(repository.renew, look_period_s=3_600.0)
    patient.start()
    until(lambda: repository.looks == looks + 1, "it looks at once")
    patient.stop()  # returns, though the next look is an hour away


def test_it_can_be_ended_before_it_began(repository):
    Renewal(repository.renew).stop()
    assert repository.looks == 0
