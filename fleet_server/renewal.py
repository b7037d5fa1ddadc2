"""Renews the releases' signatures before they expire, as long as the server runs; a thread.

What is due is `releases.expiry`'s to say. A failure never ends the server: it is told, and tried
again.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from beltmark.contract.errors import InputError

logger = logging.getLogger(__name__)

LOOK_PERIOD_S: Final = 600.0
RETRY_PERIOD_S: Final = 30.0


class Renewal:
    """Looks now and then what is to be renewed.

    Args:
        renew: Renews what expires soon, and returns what that was.
        look_period_s: Time between two looks.
        retry_period_s: The same after one that failed.
    """

    def __init__(
        self,
        renew: Callable[[], Sequence[str]],
        look_period_s: float = LOOK_PERIOD_S,
        retry_period_s: float = RETRY_PERIOD_S,
    ) -> None:
        self._renew = renew
        self._look_period_s, self._retry_period_s = look_period_s, retry_period_s
        self._problem: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="renewal", daemon=True)

    def problems(self) -> list[str]:
        """What is wrong, in words."""
        problem = self._problem
        return [] if problem is None else [problem]

    def start(self) -> None:
        """Begins to look; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it; what is being written is written first."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            try:
                renewed = self._renew()
            except (InputError, OSError) as error:
                self._report(f"signatures of releases cannot be renewed: {error}")
            except Exception:  # whatever it is: stations must not be left without signatures
                logger.exception("signatures of releases cannot be renewed")
                self._report("signatures of releases cannot be renewed; the log tells more")
            else:
                self._report(None)
                if renewed:
                    logger.info("renewed the signatures of releases: %s", ", ".join(renewed))
            pause_s = self._look_period_s if self._problem is None else self._retry_period_s

    def _report(self, problem: str | None) -> None:
        if problem == self._problem:
            return
        if problem is None:
            logger.warning("signatures of releases can be renewed again")
        else:
            logger.error("%s", problem)
        self._problem = problem
