"""Waiting in tests: for a condition, with a deadline, and never for a time."""

import time
from collections.abc import Callable

PATIENCE_S = 60.0


def until(condition: Callable[[], object], what: str) -> None:
    """Returns when the condition holds; fails, saying what never came, when it does not."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)
