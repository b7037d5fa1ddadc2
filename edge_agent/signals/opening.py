"""Makes the inputs that the station file names."""

import time
from collections.abc import Callable

from beltmark.contract.errors import InputError
from edge_agent.signals.addresses import GpioAddress, MqttAddress, parse_signal_address
from edge_agent.signals.gpio import Gpio, GpioSource, open_gpio
from edge_agent.signals.input_thread import Change, InputThread
from edge_agent.signals.source_thread import Source


def open_input(
    address: str,
    name: str,
    field: str,
    *,
    clock: Callable[[], float] = time.time,
    gpio: Callable[[str], Gpio] = open_gpio,
) -> InputThread:
    """Returns an input that does not listen yet.

    Args:
        address: `gpio:CHIP/LINE`, `mqtt://host:port/TOPIC` or `tcp://host:port/NAME`.
        name: What its edges are to be called.
        field: Where the address stands in the station file.
        clock: Seconds since the epoch.
        gpio: Loads the GPIO library, where it is needed.

    Raises:
        InputError: The address is none of these, or its library is not installed.
    """
    return InputThread(name, _source(address, field, clock, gpio), clock)


def _source(
    address: str, field: str, clock: Callable[[], float], gpio: Callable[[str], Gpio]
) -> Source[Change]:
    parsed = parse_signal_address(address, field)
    if isinstance(parsed, GpioAddress):
        return GpioSource(gpio(field), parsed, clock)
    # Only here: few stations have an input, and the MQTT library takes its time to load.
    from edge_agent.signals.sources import CHANGES, RelaySource, TopicSource  # noqa: PLC0415

    if isinstance(parsed, MqttAddress):
        return TopicSource(parsed, CHANGES, clock)
    if not parsed.name:
        raise InputError(
            f"{address} names no input of this relay", "write tcp://host:port/NAME", field=field
        )
    return RelaySource(parsed, CHANGES, clock)
