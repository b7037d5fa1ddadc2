"""Runs a lane on its own thread until all that it took has an end. What it does is in `lane`."""

import logging
import threading
from collections.abc import Callable

from edge_agent.printing.lane import PrinterLane
from edge_agent.printing.spooler_ports import SpoolerSettings

logger = logging.getLogger(__name__)


class LaneThread:
    """The thread of one printer.

    Args:
        lane: The lane of that printer.
        advance: Does the next thing in it; returns seconds until there may be more to do.
        settings: How often it is asked for that.
    """

    def __init__(
        self, lane: PrinterLane, advance: Callable[[], float], settings: SpoolerSettings
    ) -> None:
        self._lane, self._advance, self._settings = lane, advance, settings
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="spooler", daemon=True)

    def start(self) -> None:
        """Begins to print."""
        self._thread.start()

    def wake(self) -> None:
        """There may be a label to take."""
        self._wake.set()

    def stop(self) -> None:
        """Asks it to end; returns at once."""
        self._lane.stop()
        self._stopping.set()
        self._wake.set()

    def join(self, timeout_s: float) -> bool:
        """Waits for its end; False if it has not come by then."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._lane.has_ended:
            try:
                pause_s = self._advance()
            except Exception:
                # The last resort of a thread that must not die: say it and go on.
                logger.exception("spooler: unexpected problem")
                self._lane.report_problem("unexpected problem, see the log")
                pause_s = self._settings.idle_period_s
            if self._stopping.is_set():
                pause_s = min(pause_s, self._settings.ask_period_s)
            self._wake.wait(pause_s)
            self._wake.clear()
        self._lane.close()
