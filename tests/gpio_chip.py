"""A GPIO chip for tests: keeps what outputs are set to, and lets inputs change."""

import queue
import time
from collections.abc import Sequence

from edge_agent.signals.addresses import GpioAddress
from edge_agent.signals.gpio import LineEvent


class Chip:
    """Lines of one computer; `taken` are those that somebody else has.

    Attributes:
        levels: All levels that each output was given, the first by the request.
        released: Lines that were let go of.
    """

    def __init__(self, taken: Sequence[int] = ()) -> None:
        self.taken = set(taken)
        self.levels: dict[int, list[bool]] = {}
        self.released: list[int] = []
        self._events: dict[int, queue.Queue[LineEvent]] = {}

    def request_output(self, address: GpioAddress) -> "_Output":
        self._take(address)
        self.levels.setdefault(address.line, []).append(False)
        return _Output(self, address.line)

    def request_input(self, address: GpioAddress) -> "_Input":
        self._take(address)
        return _Input(self, address.line, self._queue(address.line))

    def change(self, line: int, is_rising: bool, number: int, at: float | None = None) -> None:
        """Lets an input change."""
        at = time.monotonic() if at is None else at
        self._queue(line).put(LineEvent(at, is_rising, number))

    def _take(self, address: GpioAddress) -> None:
        if address.line in self.taken:
            raise OSError(16, "Device or resource busy")

    def _queue(self, line: int) -> "queue.Queue[LineEvent]":
        return self._events.setdefault(line, queue.Queue())


class _Output:
    def __init__(self, chip: Chip, line: int) -> None:
        self._chip, self._line = chip, line

    def set(self, is_on: bool) -> None:
        if self._line in self._chip.taken:
            raise OSError(19, "No such device")
        self._chip.levels[self._line].append(is_on)

    def release(self) -> None:
        self._chip.released.append(self._line)


class _Input:
    def __init__(self, chip: Chip, line: int, events: "queue.Queue[LineEvent]") -> None:
        self._chip, self._line, self._events = chip, line, events

    def events(self, timeout_s: float) -> list[LineEvent]:
        if self._line in self._chip.taken:
            raise OSError(19, "No such device")
        try:
            return [self._events.get(timeout=timeout_s)]
        except queue.Empty:
            return []

    def release(self) -> None:
        self._chip.released.append(self._line)
