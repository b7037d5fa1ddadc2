"""Outputs on this computer's own pins: the run permit as a square wave.

A level would stay on when the process dies or hangs; a wave does not. What makes the belt stand
when the wave ends is a watchdog relay, which takes its time: where the belt must stand sooner, a
second pin in series, `enable`, goes off at once while a part objects.
"""

import threading
import time
from collections.abc import Callable

from edge_agent.outputs.beat import ASK_EVERY_S, PERMIT_TIMEOUT_S, PermitBeat
from edge_agent.signals.addresses import GpioAddress
from edge_agent.signals.gpio import Gpio, OutputLine
from edge_agent.signals.ports import SignalHealth
from edge_agent.signals.reachability import Reachability

_RETRY_AFTER_S = 0.5


class GpioPermit:
    """The run permit on a pin: it changes four times a second while the belt may run.

    Args:
        gpio: The chips.
        wave: The pin of the watchdog relay.
        enable: The pin in series that goes off at once, if there is one.
        may_run: Asked before each beat.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        gpio: Gpio,
        wave: GpioAddress,
        enable: GpioAddress | None,
        may_run: Callable[[], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.address = str(wave) if enable is None else f"{wave} and {enable}"
        self._gpio, self._may_run = gpio, may_run
        self._wave, self._enable = wave, enable
        self._reach = Reachability(
            f"run permit at {self.address}",
            clock,
            before="not requested yet",
            well="the pins are ours",
        )
        self._beat = PermitBeat()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outputs-gpio", daemon=True)

    @property
    def health(self) -> SignalHealth:
        """Whether the pins are ours."""
        return self._reach.health

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when this line does not ask for it."""
        return self._reach.health.problem

    @property
    def held_since(self) -> float | None:
        """Since when the belt stands, on the steady clock; later than now while it runs out."""
        return self._beat.held_since

    def start(self) -> None:
        """Begins to beat."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Lets the permit fall and lets go of the pins."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._hold_pins()
            except OSError as error:
                self._reach.failed(error)
            self._stopping.wait(_RETRY_AFTER_S)

    def _hold_pins(self) -> None:
        wave = self._gpio.request_output(self._wave)
        try:
            if self._enable is None:
                self._beat_on(wave, None)
                return
            enable = self._gpio.request_output(self._enable)
            try:
                self._beat_on(wave, enable)
            finally:
                enable.release()
        finally:
            wave.release()

    def _beat_on(self, wave: OutputLine, enable: OutputLine | None) -> None:
        self._beat.connected()
        self._reach.reached()
        is_high = False
        while True:
            ends = self._stopping.is_set()
            is_well = not ends and self._may_run()
            word = self._beat.due(time.monotonic(), is_well=is_well, ends=ends)
            if word is not None:
                # The edge that ends the wave is one more for the watchdog to count from.
                is_high = word == "PERMIT" and not is_high
                wave.set(is_high)
                if enable is not None:
                    enable.set(word == "PERMIT")
                runs_on_s = PERMIT_TIMEOUT_S if enable is None else 0.0
                self._beat.said(word, time.monotonic(), runs_on_s)
            if ends:
                return
            self._stopping.wait(ASK_EVERY_S)
