"""Does something again and again beside the server, as long as it runs; a thread.

A failure never ends the server: it is told once, and tried again. What is done is the subclass's.
"""

import logging
import threading
from abc import ABC, abstractmethod

from beltmark.contract.errors import InputError
from fleet_server.storage.engine import StorageUnavailable

logger = logging.getLogger(__name__)


class Rounds(ABC):
    """Rounds on a thread of their own.

    Args:
        name: Of the thread.
        failing: What is wrong when a round fails, in words.
        mended: What is well again after that, in words.
        period_s: Time between two rounds.
        retry_period_s: The same after one that failed; None: no other.
        first_s: Time to the first round.
    """

    def __init__(
        self,
        name: str,
        *,
        failing: str,
        mended: str,
        period_s: float,
        retry_period_s: float | None = None,
        first_s: float = 0.0,
    ) -> None:
        self._failing, self._mended = failing, mended
        self._period_s, self._first_s = period_s, first_s
        self._retry_period_s = period_s if retry_period_s is None else retry_period_s
        self._problem: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def look(self) -> None:
        """Does one round."""

    def problems(self) -> list[str]:
        """What is wrong, in words."""
        problem = self._problem
        return [] if problem is None else [problem]

    def start(self) -> None:
        """Begins; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it; what is being written is written first."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause_s = self._first_s
        while not self._stopping.wait(pause_s):
            try:
                self.look()
            except (InputError, OSError, StorageUnavailable) as error:
                self._report(f"{self._failing}: {error}")
            except Exception:  # whatever it is, the server goes on
                logger.exception("%s", self._failing)
                self._report(f"{self._failing}; the log tells more")
            else:
                self._report(None)
            pause_s = self._period_s if self._problem is None else self._retry_period_s

    def _report(self, problem: str | None) -> None:
        if problem == self._problem:
            return
        if problem is None:
            logger.warning("%s", self._mended)
        else:
            logger.error("%s", problem)
        self._problem = problem
