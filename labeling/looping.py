"""Round after round: when the next one begins, and what is told of failures.

Polling, with a back-off that is bounded while a server is away; an event begins a round at once,
but rounds take no more than half of the time, however many events come.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from beltmark.contract.errors import InputError
from labeling.rounds import Round
from labeling.studio.port import StudioAway

FIRST_WAIT_S: Final = 2.0
LONGEST_WAIT_S: Final = 300.0
SETTLE_S: Final = 1.0
"""So long after an event a round begins: events come in groups, and before they can be seen."""
_SHARE: Final = 1.0
"""A round is followed by so many times its length without one, at least."""


class Stopped(Exception):  # noqa: N818 - what happened
    """Somebody ended it."""


class Wake:
    """What ends a wait: an event from the server, or the wish to stop. For use from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._has_event = self._is_stopping = False

    @property
    def is_stopping(self) -> bool:
        """Whether somebody wants it to end."""
        return self._is_stopping

    def event(self) -> None:
        """Something has changed at the server."""
        with self._changed:
            self._has_event = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Ends it after the step."""
        self._is_stopping = True
        self.event()  # a handler of the thread that holds the lock may take it once more

    def check(self) -> None:
        """Raises `Stopped` if it is to end."""
        if self._is_stopping:
            raise Stopped

    def wait_for_stop(self) -> None:
        """Waits until it is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopping)

    def wait(self, rest_s: float, longest_s: float) -> None:
        """Waits for an event.

        Args:
            rest_s: Even an event is not answered before.
            longest_s: Without one it goes on then.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopping, min(rest_s, longest_s))
            has_come = self._changed.wait_for(
                lambda: self._is_stopping or self._has_event, max(0.0, longest_s - rest_s)
            )
            if has_come:
                self._changed.wait_for(lambda: self._is_stopping, SETTLE_S)
            self._has_event = False


@contextmanager
def ended_by_signals(wake: Wake) -> Iterator[None]:
    """Lets Ctrl-C and SIGTERM end it after the step; a second one, at once."""

    def stop(_number: int, _frame: Any) -> None:
        is_second = wake.is_stopping
        wake.stop()
        if is_second:
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM)  # in the background a shell ignores the first
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_after(failures: int) -> float:
    """Returns how long to wait after so many failures one after another, in seconds."""
    return min(FIRST_WAIT_S * 2.0 ** min(failures - 1, 30), LONGEST_WAIT_S)


def keep_going(
    run: Callable[[], Round],
    reconnect: Callable[[], None],
    wake: Wake,
    interval_s: float,
    *,
    tell: Callable[[str], None],
    tell_problem: Callable[[str], None],
) -> None:
    """Makes rounds until somebody ends it.

    Args:
        run: Makes one; raises `Stopped` when somebody ends it in between.
        reconnect: Is called after a failure.
        wake: What ends waits.
        interval_s: From round to round, where nothing happens.
        tell: Is told each round.
        tell_problem: Is told each problem once, for as long as it lasts; so each failure.

    Raises:
        InputError: Something is wrong from the start. That a server is away is no reason to end,
            nor what goes wrong later: a person can mend it meanwhile.
    """
    failures, has_run = 0, False
    known: set[str] = set()
    failure = ""
    while not wake.is_stopping:
        begun_at = time.monotonic()
        try:
            told = run()
        except Stopped:
            return
        except InputError as error:
            if not has_run and not isinstance(error, StudioAway):
                raise
            failures += 1
            reconnect()
            wait_s = wait_after(failures)
            if str(error) != failure:
                tell_problem(f"{error}; again in {wait_s:g} s, then ever later")
            failure = str(error)
            wake.wait(wait_s, wait_s)
            continue
        failures, failure, has_run = 0, "", True
        for problem in told.problems:
            if problem not in known:
                tell_problem(problem)
        known = set(told.problems)
        tell(str(told))
        rest_s = (time.monotonic() - begun_at) * _SHARE
        wake.wait(rest_s, max(interval_s, rest_s))
