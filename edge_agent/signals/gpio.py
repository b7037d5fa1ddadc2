"""Lines of this computer's own GPIO chips, through libgpiod (version 2).

The only module that knows that library, which is not loaded before a station asks for a line. What
a level means is left to others; an output is off from the moment it is requested.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from beltmark.contract.errors import InputError
from edge_agent.signals.addresses import GpioAddress
from edge_agent.signals.input_thread import Change

CONSUMER = "beltmark"
"""Who has the line, as `gpioinfo` shows it."""


@dataclass(frozen=True)
class LineEvent:
    """A change of a line.

    Attributes:
        at: On the steady clock, in seconds, as the kernel saw it.
        is_rising: From off to on, active-low being seen to.
        number: Counts this line's changes, those that were lost too.
    """

    at: float
    is_rising: bool
    number: int


class OutputLine(Protocol):
    """A line that is ours to set. All errors are `OSError`."""

    def set(self, is_on: bool) -> None:
        """Sets it."""
        ...

    def release(self) -> None:
        """Lets go of it."""
        ...


class InputLine(Protocol):
    """A line that is ours to read. All errors are `OSError`."""

    def events(self, timeout_s: float) -> Sequence[LineEvent]:
        """Waits for changes; returns none after the timeout."""
        ...

    def release(self) -> None:
        """Lets go of it."""
        ...


class Gpio(Protocol):
    """What is asked of the library. All errors are `OSError`."""

    def request_output(self, address: GpioAddress) -> OutputLine:
        """Takes a line for this process, off."""
        ...

    def request_input(self, address: GpioAddress) -> InputLine:
        """Takes a line for this process, to hear its changes."""
        ...


class GpioSource:
    """A line as a source of edges.

    Args:
        gpio: The chips.
        address: The line.
        clock: Seconds since the epoch.
        steady: Seconds on the clock of the kernel's events.
    """

    def __init__(
        self,
        gpio: Gpio,
        address: GpioAddress,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gpio, self._address = gpio, address
        self._clock, self._steady = clock, steady

    @property
    def address(self) -> str:
        """Chip and line."""
        return str(self._address)

    def open(self) -> "_HeardLine":
        """Takes the line; see `Source.open`."""
        return _HeardLine(self._gpio.request_input(self._address), self._clock, self._steady)


class _HeardLine:
    def __init__(
        self, line: InputLine, clock: Callable[[], float], steady: Callable[[], float]
    ) -> None:
        self._line, self._clock, self._steady = line, clock, steady
        self._number: int | None = None

    def read(self, timeout_s: float) -> list[Change]:
        events = self._line.events(timeout_s)
        # The kernel's own time, told on the clock that everything else here goes by.
        offset_s = self._clock() - self._steady()
        changes = []
        for event in events:
            lost = 0 if self._number is None else max(0, event.number - self._number - 1)
            self._number = event.number
            changes.append(Change(event.at + offset_s, event.is_rising, lost))
        return changes

    def close(self) -> None:
        self._line.release()


def open_gpio(field: str) -> Gpio:
    """Loads the library.

    Raises:
        InputError: It is not installed.
    """
    try:
        import gpiod  # noqa: PLC0415 - LGPL, and of use on few stations: an extra
    except ImportError:
        raise InputError(
            "GPIO needs the library gpiod, which is not installed",
            "pip install 'beltmark[gpio]'",
            field=field,
        ) from None
    return _Libgpiod(gpiod)


class _Libgpiod:
    """libgpiod's calls, no more."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def request_output(self, address: GpioAddress) -> OutputLine:
        line = self._library.line
        settings = self._library.LineSettings(
            direction=line.Direction.OUTPUT,
            active_low=address.is_active_low,
            output_value=line.Value.INACTIVE,
        )
        return _RequestedOutput(self._request(address, settings), address.line, line.Value)

    def request_input(self, address: GpioAddress) -> InputLine:
        line = self._library.line
        biases = {
            "as-is": line.Bias.AS_IS,
            "pull-up": line.Bias.PULL_UP,
            "pull-down": line.Bias.PULL_DOWN,
            "none": line.Bias.DISABLED,
        }
        settings = self._library.LineSettings(
            direction=line.Direction.INPUT,
            edge_detection=line.Edge.BOTH,
            bias=biases[address.bias],
            active_low=address.is_active_low,
            debounce_period=timedelta(milliseconds=address.debounce_ms),
            event_clock=line.Clock.MONOTONIC,
        )
        return _RequestedInput(self._request(address, settings))

    def _request(self, address: GpioAddress, settings: Any) -> Any:
        try:
            return self._library.request_lines(
                address.chip, config={address.line: settings}, consumer=CONSUMER
            )
        except ValueError as error:  # a line that the chip does not have
            raise OSError(None, str(error)) from None


class _RequestedOutput:
    def __init__(self, request: Any, line: int, values: Any) -> None:
        self._request, self._line, self._values = request, line, values

    def set(self, is_on: bool) -> None:
        value = self._values.ACTIVE if is_on else self._values.INACTIVE
        self._request.set_value(self._line, value)

    def release(self) -> None:
        self._request.release()


class _RequestedInput:
    def __init__(self, request: Any) -> None:
        self._request = request

    def events(self, timeout_s: float) -> list[LineEvent]:
        if not self._request.wait_edge_events(timeout_s):
            return []
        return [
            LineEvent(
                event.timestamp_ns / 1e9,
                event.event_type is event.Type.RISING_EDGE,
                event.line_seqno,
            )
            for event in self._request.read_edge_events()
        ]

    def release(self) -> None:
        self._request.release()
