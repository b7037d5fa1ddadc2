"""A person's word that what holds the belt was seen to, kept until the agent takes it.

It comes from the panel, or from another process by `hand_requests`; what follows is the agent's.
"""

import threading
from typing import Final, Literal, get_args

SeenTo = Literal["divert", "applicator", "scan"]
"""divert: The items whose divert was not confirmed are off the belt.
applicator: Nothing lies at the applicator.
scan: The items for which the scan after printing stopped the line were looked at."""

KINDS: Final[tuple[SeenTo, ...]] = get_args(SeenTo)


class PersonsWord:
    """What was seen to. For use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: set[SeenTo] = set()

    def say(self, what: SeenTo) -> None:
        """Leaves word; said twice is said once."""
        with self._lock:
            self._said.add(what)

    def take(self) -> list[SeenTo]:
        """Returns what was left, once."""
        with self._lock:
            said, self._said = self._said, set()
        return [what for what in KINDS if what in said]
