"""Waiting in tests: for a condition, with a deadline, and never for a time."""

import time
from collections.abc import Callable

PATIENCE_S = 60.0


def until(condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Returns when the condition holds; fails, saying what never came, when it does not."""
    end, pause_s = time.monotonic() + patience_s, 0.01
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(pause_s)
        pause_s = min(1.3 * pause_s, 0.1)  # asking takes the time of those who are waited for
