"""Where a signal's other end is, as the station file writes it. Reaching it is left to others.

`tcp://host:port`, with `/NAME` for an input; `mqtt://[user:password@]host[:port]/TOPIC`;
`gpio:CHIP/LINE?active=low&bias=pull-up&debounce_ms=5`.
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

from beltmark.contract.broker import BrokerAddress, parse_broker
from beltmark.contract.errors import InputError

NONE = "none"
"""The address of a signal that a station does not have."""

Bias = Literal["as-is", "pull-up", "pull-down", "none"]

_MAX_LINE = 1_023
_MAX_DEBOUNCE_MS = 1_000
_GPIO = re.compile(
    r"gpio:(?P<chip>/dev/[\w.\-]{1,64}|[\w.\-]{1,64})/(?P<line>\d{1,4})(\?(?P<more>.*))?", re.ASCII
)
_NAME = re.compile(r"[A-Za-z0-9._\-]{1,64}")
# `+` and `#` stand for many topics, and a signal has one.
_TOPIC = re.compile(r"[^+#\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True)
class TcpAddress:
    """A port of a relay.

    Attributes:
        host: Where it is.
        port: Its TCP port.
        name: Name of an input of it; empty for the relay itself.
    """

    host: str
    port: int
    name: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}" + (f"/{self.name}" if self.name else "")


@dataclass(frozen=True)
class GpioAddress:
    """A line of this computer's own.

    Attributes:
        chip: Path of the chip's device.
        line: Its line, from 0.
        is_active_low: Whether the low voltage means "on".
        bias: What pulls an input where nothing drives it.
        debounce_ms: An input that changes sooner again has not changed.
    """

    chip: str
    line: int
    is_active_low: bool = False
    bias: Bias = "as-is"
    debounce_ms: float = 0.0

    def __str__(self) -> str:
        return f"gpio:{self.chip.removeprefix('/dev/')}/{self.line}"


@dataclass(frozen=True)
class MqttAddress:
    """A topic at a broker."""

    broker: BrokerAddress
    topic: str

    def __str__(self) -> str:
        return f"{self.broker}/{self.topic}"


SignalAddress = TcpAddress | GpioAddress | MqttAddress


def parse_signal_address(address: str, field: str) -> SignalAddress:
    """Reads an address of one of the three kinds.

    Raises:
        InputError: It is none; the message repeats no password.
    """
    scheme = address.partition(":")[0]
    match scheme:
        case "tcp":
            return _tcp(address, field)
        case "gpio":
            return _gpio(address, field)
        case "mqtt":
            return _mqtt(address, field)
    raise InputError(
        f"{address.partition('@')[2] or address!r} is no signal",
        "write tcp://host:port, gpio:CHIP/LINE, mqtt://host:port/TOPIC or none",
        field=field,
    )


def _tcp(address: str, field: str) -> TcpAddress:
    try:
        parts = urlsplit(address)
        name = parts.path.strip("/")
        if parts.hostname and parts.port and (not name or _NAME.fullmatch(name)):
            return TcpAddress(parts.hostname, parts.port, name)
    except ValueError:
        pass
    raise InputError(f"{address!r} is no relay", "write tcp://host:port", field=field)


def _gpio(address: str, field: str) -> GpioAddress:
    mend = "write gpio:CHIP/LINE, perhaps with ?active=low&bias=pull-up&debounce_ms=5"
    found = _GPIO.fullmatch(address)
    if found is None or int(found["line"]) > _MAX_LINE:
        raise InputError(f"{address!r} is no line of a GPIO chip", mend, field=field)
    chip = found["chip"]
    options = dict(parse_qsl(found["more"] or "", keep_blank_values=True, max_num_fields=8))
    active, bias = options.pop("active", "high"), options.pop("bias", "as-is")
    debounce = options.pop("debounce_ms", "0")
    is_sound = (
        not options
        and active in ("high", "low")
        and bias in get_args(Bias)
        and re.fullmatch(r"\d{1,4}(\.\d{1,3})?", debounce)
    )
    if not is_sound or float(debounce) > _MAX_DEBOUNCE_MS:
        raise InputError(f"{address!r} has an option that is not known", mend, field=field)
    return GpioAddress(
        chip if chip.startswith("/") else f"/dev/{chip}",
        int(found["line"]),
        active == "low",
        bias,
        float(debounce),
    )


def _mqtt(address: str, field: str) -> MqttAddress:
    try:
        parts = urlsplit(address)
        topic = unquote(parts.path.removeprefix("/"))
        is_plain = not parts.query and not parts.fragment
    except ValueError:
        topic, is_plain = "", False
    if not is_plain or not _TOPIC.fullmatch(topic):
        raise InputError("names no topic", "write mqtt://host:port/TOPIC", field=field)
    try:
        return MqttAddress(parse_broker(f"mqtt://{parts.netloc}"), topic)
    except InputError as error:
        error.field = field
        raise
