"""Keeps what a belt's encoder tells until the station's loop takes it, frame by frame."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from beltmark.contract.errors import InputError
from beltmark.contract.records import PartHealth
from edge_agent.printing.belt_window import mm_per_px
from edge_agent.signals.addresses import NONE, GpioAddress, MqttAddress, parse_signal_address
from edge_agent.signals.gpio import Gpio, open_gpio
from edge_agent.signals.opening import open_input
from edge_agent.signals.ports import Edge, SignalHealth
from edge_agent.signals.source_thread import SourceThread
from edge_agent.station.encoder import Encoder, Position
from edge_agent.station.geometry import StationGeometry
from edge_agent.station.section import BeltSection

_MAX_POSITIONS = 1_024
_FIELD, _REVERSE = "belt.encoder", "belt.encoder_reverse"


class Counted(Protocol):
    """Where an encoder's counts come from."""

    @property
    def address(self) -> str:
        """Where it is, without a password."""
        ...

    @property
    def health(self) -> SignalHealth:
        """Whether it can be heard."""
        ...

    def hear(self, deliver: Callable[[Position], None]) -> None:
        """Begins to listen, on a thread of its own."""
        ...

    def stop(self) -> None:
        """Ends; safe where it was never started."""
        ...


class PulseCounter:
    """Counts the pulses of a pin, and back while another says so.

    Args:
        address: The pin with the pulses.
        reverse: The pin that is on while the belt runs back; `none` where it cannot.
        clock: Seconds since the epoch.
        gpio: Loads the GPIO library.
    """

    def __init__(
        self,
        address: str,
        reverse: str,
        clock: Callable[[], float] = time.time,
        gpio: Callable[[str], Gpio] = open_gpio,
    ) -> None:
        self._pulses = open_input(address, "encoder", _FIELD, clock=clock, gpio=gpio)
        self._reverse = (
            None
            if reverse == NONE
            else open_input(reverse, "encoder reverse", _REVERSE, clock=clock, gpio=gpio)
        )
        self._lock = threading.Lock()
        self._counts, self._step = 0, 1
        self._deliver: Callable[[Position], None] = lambda _: None

    @property
    def address(self) -> str:
        """The pin."""
        return self._pulses.address

    @property
    def health(self) -> SignalHealth:
        """Whether both can be heard."""
        found = [self._pulses, *([self._reverse] if self._reverse else [])]
        return next((one.health for one in found if one.health.problem), self._pulses.health)

    def hear(self, deliver: Callable[[Position], None]) -> None:
        """Begins to count."""
        self._deliver = deliver
        if self._reverse is not None:
            self._reverse.start(self._turned)
        self._pulses.start(self._pulsed)

    def stop(self) -> None:
        """Ends."""
        self._pulses.stop()
        if self._reverse is not None:
            self._reverse.stop()

    def _turned(self, edge: Edge) -> None:
        with self._lock:
            self._step = -1 if edge.is_rising else 1

    def _pulsed(self, edge: Edge) -> None:
        if not edge.is_rising:
            return
        with self._lock:
            # Of the edges that were lost, every other one rose.
            self._counts += self._step * (1 + edge.lost // 2)
            self._deliver(Position(edge.at, self._counts))


class EncoderInput:
    """A station's encoder. `way_px` is for one thread; the rest for any.

    Args:
        counted: Where its counts come from.
        encoder: What they say.
    """

    def __init__(self, counted: Counted, encoder: Encoder) -> None:
        self._counted, self._encoder = counted, encoder
        self._lock = threading.Lock()
        self._positions: deque[Position] = deque(maxlen=_MAX_POSITIONS)
        self._is_known = False

    def way_px(self, at: float) -> float | None:
        """See `Encoder.way_px`."""
        with self._lock:
            told = tuple(self._positions)
            self._positions.clear()
        self._encoder.tell(told)
        is_heard = self._counted.health.problem is None
        way_px = self._encoder.way_px(at, is_heard=is_heard)
        self._is_known = way_px is not None
        return way_px

    @property
    def health(self) -> PartHealth:
        """How it is, in the fleet's words."""
        health = self._counted.health
        if health.problem is not None:
            state, told = "degraded", health.problem
        elif not self._is_known:
            state, told = "unknown", "tells no count"
        else:
            state, told = "ok", "heard"
        return PartHealth.model_validate(
            {"state": state, "told": f"{self._counted.address}: {told}", "since": health.since}
        )

    def tell(self) -> Mapping[str, object]:
        """The same for the status file."""
        return self.health.model_dump()

    def start(self) -> None:
        """Begins to listen."""
        self._counted.hear(self._hear)

    def stop(self) -> None:
        """Ends; safe where it was never started."""
        self._counted.stop()

    def _hear(self, position: Position) -> None:
        with self._lock:
            self._positions.append(position)


def open_encoder(
    belt: BeltSection,
    geometry: StationGeometry,
    *,
    clock: Callable[[], float] = time.time,
    gpio: Callable[[str], Gpio] = open_gpio,
) -> EncoderInput | None:
    """Returns the encoder that a station file names, not listening yet; None where it has none.

    Raises:
        InputError: Its address cannot be used, or what a count means is not known.
    """
    if belt.encoder == NONE:
        return None
    if not geometry.is_belt:
        raise InputError("a bench has no encoder", "leave it out, or set zone.travel", field=_FIELD)
    px_per_count = belt.encoder_px_per_count
    if px_per_count is None:
        scale = mm_per_px(geometry)
        if belt.encoder_mm_per_count is None or scale is None:
            raise InputError(
                "what a count means is not known",
                "give encoder_px_per_count; or encoder_mm_per_count, and the scale by "
                "beltmark-edge calibrate or zone.mm_per_px",
                field=_FIELD,
            )
        px_per_count = belt.encoder_mm_per_count / scale
    parsed = parse_signal_address(belt.encoder, _FIELD)
    if isinstance(parsed, GpioAddress):
        # A pin that does not move says that the belt stands.
        counter = PulseCounter(belt.encoder, belt.encoder_reverse, clock, gpio)
        return EncoderInput(counter, Encoder(px_per_count, None))
    from edge_agent.signals.sources import COUNTS, RelaySource, TopicSource  # noqa: PLC0415

    if isinstance(parsed, MqttAddress):
        return EncoderInput(
            SourceThread("encoder", TopicSource(parsed, COUNTS, clock), clock),
            Encoder(px_per_count, belt.encoder_silent_after_s),
        )
    if not parsed.name:
        raise InputError(
            f"{belt.encoder} names no counter of this relay",
            "write tcp://host:port/NAME",
            field=_FIELD,
        )
    return EncoderInput(
        SourceThread("encoder", RelaySource(parsed, COUNTS, clock), clock),
        Encoder(px_per_count, belt.encoder_silent_after_s),
    )
