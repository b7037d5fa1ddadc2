"""Makes the outputs that the station file names."""

from collections.abc import Callable

from beltmark.contract.errors import InputError
from edge_agent.outputs.applicator import Applicator
from edge_agent.outputs.diverted import DivertWatch
from edge_agent.outputs.gpio_line import GpioPermit
from edge_agent.outputs.gpio_pulse import GpioPulse
from edge_agent.outputs.line import RelayLine
from edge_agent.outputs.outputs import CONFIRM, RELEASE, Outputs
from edge_agent.outputs.ports import OutputLine, WordLine
from edge_agent.outputs.section import ApplicatorSection, OutputsSection
from edge_agent.signals.addresses import (
    NONE,
    GpioAddress,
    SignalAddress,
    TcpAddress,
    parse_signal_address,
)
from edge_agent.signals.gpio import Gpio, open_gpio
from edge_agent.signals.input_thread import InputThread
from edge_agent.signals.opening import open_input

ANSWER = "answer"
"""The address of a confirmation that comes back on the line that asked for it."""


def open_outputs(
    outputs: OutputsSection,
    may_run: Callable[[], bool],
    applicator: ApplicatorSection | None = None,
    *,
    gpio: Callable[[str], Gpio] = open_gpio,
) -> Outputs:
    """Returns the outputs, not yet connected.

    Args:
        outputs: What the station has.
        may_run: Asked before each beat of the permit.
        applicator: What puts labels onto items and says so, if there is one.
        gpio: Loads the GPIO library, where it is needed.

    Raises:
        InputError: An address cannot be used.
    """
    lines = _Lines(may_run, gpio)
    permit = lines.permit(outputs.run_permit, outputs.enable)
    divert = lines.words(outputs.divert, "outputs.divert")
    has_watch = outputs.confirm != NONE
    return Outputs(
        permit,
        divert,
        diverts=DivertWatch(outputs.confirm_timeout_s) if has_watch else None,
        inputs=[
            *lines.inputs(outputs.confirm, CONFIRM, "outputs.confirm"),
            *lines.inputs(outputs.release, RELEASE, "outputs.release"),
        ],
        applicator=None if applicator is None else _applicator(applicator, lines),
    )


def _applicator(section: ApplicatorSection, lines: "_Lines") -> Applicator:
    return Applicator(
        section.confirm_timeout_s,
        lines.told(section.apply, "applicator.apply"),
        [
            source
            for name in ("applied", "fault", "clear")
            for source in lines.inputs(getattr(section, name), name, f"applicator.{name}")
        ],
    )


class _Lines:
    """Makes each line once, however many signals it carries."""

    def __init__(self, may_run: Callable[[], bool], gpio: Callable[[str], Gpio]) -> None:
        self._may_run, self._gpio = may_run, gpio
        self._made: dict[SignalAddress, WordLine] = {}

    def permit(self, address: str, enable: str) -> OutputLine | None:
        if address == NONE:
            return None
        field = "outputs.run_permit"
        parsed = parse_signal_address(address, field)
        if not isinstance(parsed, GpioAddress):
            return self._words(parsed, field, self._may_run)
        series = None if enable == NONE else _pin(enable, "outputs.enable")
        return GpioPermit(self._gpio(field), parsed, series, self._may_run)

    def words(self, address: str, field: str) -> WordLine | None:
        if address == NONE:
            return None
        parsed = parse_signal_address(address, field)
        if isinstance(parsed, GpioAddress):
            raise InputError(
                f"{address} is a pin, which cannot say which item",
                "write tcp://host:port or mqtt://host:port/TOPIC",
                field=field,
            )
        return self._words(parsed, field, None)

    def told(self, address: str, field: str) -> WordLine | GpioPulse | None:
        if address.startswith("gpio:"):
            return GpioPulse(self._gpio(field), _pin(address, field))
        return self.words(address, field)

    def inputs(self, address: str, name: str, field: str) -> list[InputThread]:
        if address in (NONE, ANSWER):
            return []
        return [open_input(address, name, field, gpio=self._gpio)]

    def _words(
        self, parsed: SignalAddress, field: str, may_run: Callable[[], bool] | None
    ) -> WordLine:
        if parsed in self._made:
            return self._made[parsed]
        if isinstance(parsed, TcpAddress):
            if parsed.name:
                raise InputError(
                    f"{parsed} is an input of a relay", "write tcp://host:port", field=field
                )
            line: WordLine = RelayLine(parsed, may_run)
        else:
            assert not isinstance(parsed, GpioAddress)
            # Only here: the MQTT library takes its time to load, and few stations need it.
            from edge_agent.outputs.broker_line import BrokerLine  # noqa: PLC0415

            line = BrokerLine(parsed, may_run)
        self._made[parsed] = line
        return line


def _pin(address: str, field: str) -> GpioAddress:
    parsed = parse_signal_address(address, field)
    if not isinstance(parsed, GpioAddress):
        raise InputError(f"{parsed} is no pin", "write gpio:CHIP/LINE", field=field)
    return parsed
