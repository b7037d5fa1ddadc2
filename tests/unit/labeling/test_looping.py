import signal
import threading
from collections.abc import Callable

import pytest

from beltmark.contract.errors import InputError
from labeling.looping import (
    LONGEST_WAIT_S,
    Stopped,
    Wake,
    ended_by_signals,
    keep_going,
    wait_after,
)
from labeling.rounds import Round
from labeling.studio.port import StudioAway


class FakeWake(Wake):
    """Waits for nothing; notes for how long it was to."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[tuple[float, float]] = []

    def wait(self, rest_s: float, longest_s: float) -> None:
        self.waits.append((rest_s, longest_s))


class Told:
    """Runs a list of outcomes and notes what was told."""

    def __init__(self, *outcomes: Round | Exception) -> None:
        self.outcomes = list(outcomes)
        self.wake = FakeWake()
        self.lines: list[str] = []
        self.problems: list[str] = []
        self.reconnects = 0

    def run(self) -> Round:
        if len(self.outcomes) == 1:
            self.wake.stop()
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def reconnect(self) -> None:
        self.reconnects += 1

    def go(self) -> "Told":
        keep_going(
            self.run, self.reconnect, self.wake, 60,
            tell=self.lines.append, tell_problem=self.problems.append,
        )  # fmt: skip
        return self


AWAY = StudioAway("cannot be reached", "does it run?", file="http://x")
EXPIRED = InputError("does not take the token", "connect again", file="http://x")


def test_a_server_that_is_away_is_waited_for_with_a_bounded_back_off() -> None:
    told = Told(AWAY, AWAY, AWAY, Round(5), AWAY, Round(5)).go()
    assert [longest for _, longest in told.wake.waits] == [2, 4, 8, 60, 2, 60]
    away = "http://x: cannot be reached (does it run?); again in 2 s, then ever later"
    assert told.problems == [away, away], "once, and once more after it was there"
    assert (len(told.lines), told.reconnects) == (2, 4)
    assert wait_after(10**6) == LONGEST_WAIT_S


def test_another_failure_in_between_is_told() -> None:
    told = Told(Round(5), AWAY, EXPIRED, EXPIRED, AWAY, Round(5)).go()
    waits = [problem.rpartition("; again in ")[2].partition(" s")[0] for problem in told.problems]
    assert waits == ["2", "4", "16"]


def test_what_is_wrong_from_the_start_ends_it() -> None:
    with pytest.raises(InputError, match="does not take the token"):
        Told(AWAY, EXPIRED, Round(5)).go()


def test_what_goes_wrong_later_can_be_mended() -> None:
    told = Told(Round(5), EXPIRED, Round(5)).go()
    assert len(told.lines) == 2
    assert told.problems == [
        "http://x: does not take the token (connect again); again in 2 s, then ever later"
    ]


def test_a_problem_is_told_once_until_it_has_gone() -> None:
    bad = [Round(5, problems=["1.png: damaged"]) for _ in range(3)]
    assert Told(bad[0], bad[1], Round(5), bad[2]).go().problems == ["1.png: damaged"] * 2


def test_somebody_ends_it_in_a_round() -> None:
    assert Told(Stopped(), Round(5)).go().lines == []


def in_a_thread(wait: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_an_event_ends_a_wait_and_so_does_the_wish_to_stop() -> None:
    wake = Wake()
    thread = in_a_thread(lambda: wake.wait(0, 10_000))
    wake.event()
    thread.join(30)
    assert not thread.is_alive()
    thread = in_a_thread(lambda: wake.wait(10_000, 10_000))
    wake.event()  # not before it has rested
    thread.join(0.1)
    assert thread.is_alive()
    wake.stop()
    thread.join(30)
    assert not thread.is_alive()
    with pytest.raises(Stopped):
        wake.check()


def test_an_event_during_a_round_is_not_lost() -> None:
    wake = Wake()
    wake.event()
    thread = in_a_thread(lambda: wake.wait(0, 10_000))
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_after_the_step_and_a_second_at_once(number: signal.Signals) -> None:
    wake = Wake()
    before = signal.getsignal(number)
    with ended_by_signals(wake):
        signal.raise_signal(number)
        assert wake.is_stopping
        wake.wait(10_000, 10_000)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) == before
