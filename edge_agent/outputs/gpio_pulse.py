"""A pin that says "now" by a pulse. What that means is left to who asks for it."""

import queue
import threading
import time
from collections.abc import Callable

from edge_agent.signals.addresses import GpioAddress
from edge_agent.signals.gpio import Gpio, OutputLine
from edge_agent.signals.ports import SignalHealth
from edge_agent.signals.reachability import Reachability

PULSE_S = 0.1
_RETRY_AFTER_S = 0.5
_LOOK_EVERY_S = 0.2


class GpioPulse:
    """One pin, off but for its pulses; kept by a thread of its own.

    A pulse that cannot be given at once is not given later: its moment has passed.

    Args:
        gpio: The chips.
        pin: The pin.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, gpio: Gpio, pin: GpioAddress, clock: Callable[[], float] = time.time
    ) -> None:
        self.address = str(pin)
        self._gpio, self._pin = gpio, pin
        self._reach = Reachability(
            f"pin {self.address}", clock, before="not requested yet", well="it is ours"
        )
        self._wanted: queue.Queue[None] = queue.Queue(1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    @property
    def health(self) -> SignalHealth:
        """Whether the pin is ours."""
        return self._reach.health

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when this pin does not ask for it."""
        return self._reach.health.problem

    @property
    def held_since(self) -> float | None:
        """A pulse holds no belt."""
        return None

    def pulse(self) -> None:
        """Gives one pulse; returns at once."""
        if self._reach.health.problem is None and self._wanted.empty():
            self._wanted.put_nowait(None)

    def start(self) -> None:
        """Takes the pin."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Lets go of the pin."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                line = self._gpio.request_output(self._pin)
            except OSError as error:
                self._reach.failed(error)
            else:
                self._pulse_on(line)
            self._stopping.wait(_RETRY_AFTER_S)

    def _pulse_on(self, line: OutputLine) -> None:
        self._reach.reached()
        try:
            while not self._stopping.is_set():
                try:
                    self._wanted.get(timeout=_LOOK_EVERY_S)
                except queue.Empty:
                    continue
                line.set(True)
                self._stopping.wait(PULSE_S)
                line.set(False)
        except OSError as error:
            self._reach.failed(error)
        finally:
            line.release()
