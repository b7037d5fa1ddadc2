"""Renews the releases' signatures before they expire, as long as the server runs.

What is due is `releases.expiry`'s to say.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from fleet_server.rounds import Rounds

logger = logging.getLogger(__name__)

LOOK_PERIOD_S: Final = 600.0
RETRY_PERIOD_S: Final = 30.0


class Renewal(Rounds):
    """Looks now and then what is to be renewed.

    Args:
        renew: Renews what expires soon, and returns what that was.
        due_elsewhere: Tells what others have to sign soon.
        look_period_s: Time between two looks.
        retry_period_s: The same after one that failed.
    """

    def __init__(
        self,
        renew: Callable[[], Sequence[str]],
        due_elsewhere: Callable[[], list[str]] = list,
        look_period_s: float = LOOK_PERIOD_S,
        retry_period_s: float = RETRY_PERIOD_S,
    ) -> None:
        super().__init__(
            "renewal",
            failing="signatures of releases cannot be renewed",
            mended="signatures of releases can be renewed again",
            period_s=look_period_s,
            retry_period_s=retry_period_s,
        )
        self._renew, self._due_elsewhere = renew, due_elsewhere
        self._due: list[str] = []

    def look(self) -> None:
        """Renews what is due."""
        if renewed := self._renew():
            logger.info("renewed the signatures of releases: %s", ", ".join(renewed))
        self._due = self._due_elsewhere()

    def problems(self) -> list[str]:
        """What is wrong, in words; also what others have to sign soon."""
        return [*self._due, *super().problems()]
