"""Whether each output and input that a station file names can be reached, asked one by one.

Nothing is moved by that: a pin is requested as an input, and a relay or PLC is told no word.
"""

from collections.abc import Callable, Iterator

from beltmark.contract.errors import InputError
from edge_agent.outputs.opening import ANSWER, open_outputs
from edge_agent.outputs.section import ApplicatorSection, OutputsSection
from edge_agent.signals.addresses import (
    NONE,
    GpioAddress,
    SignalAddress,
    TcpAddress,
    parse_signal_address,
)
from edge_agent.signals.gpio import Gpio, open_gpio
from edge_agent.signals.words import connect

_OUTPUTS = ("run_permit", "enable", "divert", "confirm", "release")
_APPLICATOR = ("apply", "applied", "fault", "clear")


def signals_of(
    outputs: OutputsSection,
    applicator: ApplicatorSection | None,
    *,
    pins_are_in_use: bool,
    gpio: Callable[[str], Gpio] = open_gpio,
) -> Iterator[Callable[[], str]]:
    """Yields what looks at each signal: it returns what was found, or raises InputError.

    Args:
        outputs: The outputs.
        applicator: The applicator, if there is one.
        pins_are_in_use: Whether a running agent has the pins: they are then not asked for.
        gpio: Loads the GPIO library, where it is needed.
    """
    named = [(f"outputs.{name}", str(getattr(outputs, name))) for name in _OUTPUTS]
    if applicator is not None:
        named += [(f"applicator.{name}", str(getattr(applicator, name))) for name in _APPLICATOR]
    named = [(field, address) for field, address in named if address != NONE]
    # That they fit each other is looked at as well.
    yield lambda: _made(outputs, applicator, gpio, bool(named))
    for field, address in named:
        if address != ANSWER:
            yield lambda field=field, address=address: reached(  # type: ignore[misc]
                field, address, pins_are_in_use, gpio
            )


def _made(
    outputs: OutputsSection,
    applicator: ApplicatorSection | None,
    gpio: Callable[[str], Gpio],
    has_any: bool,
) -> str:
    open_outputs(outputs, lambda: False, applicator, gpio=gpio)
    return "as follows" if has_any else "none"


def reached(field: str, address: str, pins_are_in_use: bool, gpio: Callable[[str], Gpio]) -> str:
    """Returns how one signal is.

    Args:
        field: Where its address stands in the station file.
        address: That address.
        pins_are_in_use: See `signals_of`.
        gpio: See `signals_of`.

    Raises:
        InputError: It cannot be reached.
    """
    parsed = parse_signal_address(address, field)
    try:
        told = _reach(parsed, field, pins_are_in_use, gpio)
    except OSError as error:
        raise InputError(
            f"cannot be reached: {error.strerror or error}",
            "look who else has it, and whether this user may"
            if isinstance(parsed, GpioAddress)
            else "switch it on, check its address",
            file=str(parsed),
            field=field,
        ) from None
    return f"{field.rpartition('.')[2]} {parsed}{told}"


def _reach(
    parsed: SignalAddress, field: str, pins_are_in_use: bool, gpio: Callable[[str], Gpio]
) -> str:
    if isinstance(parsed, TcpAddress):
        connect(parsed.host, parsed.port).close()
        return ""
    if isinstance(parsed, GpioAddress):
        if pins_are_in_use:
            return ": not asked for, the running agent has the pins"
        gpio(field).request_input(parsed).release()
        return ""
    from edge_agent.signals.broker import BrokerSession  # noqa: PLC0415

    BrokerSession(parsed.broker, [parsed.topic]).close(says_goodbye=True)
    return ": the broker lets us in; who is behind it, it does not say"
