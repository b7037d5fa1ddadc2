"""Reads a broker's address as people write it."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from beltmark.contract.errors import InputError

_MEND = "give mqtt://host, mqtt://host:port or mqtt://user:password@host:port"


@dataclass(frozen=True)
class BrokerAddress:
    """Where a broker is, and who asks.

    Attributes:
        host: Its name or address.
        port: Its port.
        user: As whom to connect; None for nobody in particular.
        password: What proves it.
    """

    host: str
    port: int = 1883
    user: str | None = None
    password: str | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mqtt://{host}:{self.port}"

    def __repr__(self) -> str:
        return f"BrokerAddress({str(self)!r})"  # a password does not get into a log


def parse_broker(address: str) -> BrokerAddress:
    """Reads `mqtt://[user:password@]host[:port]`.

    Raises:
        InputError: It is none; the message repeats no password.
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise InputError("the broker's address cannot be read", _MEND) from None
    if parts.scheme != "mqtt":
        told = f"{parts.scheme}://" if parts.scheme else "without mqtt://"
        raise InputError(f"the broker's address is {told}", _MEND)
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise InputError("the broker's address is not a host and a port alone", _MEND)
    if port == 0:
        raise InputError("the broker's port is 0", _MEND)
    return BrokerAddress(
        parts.hostname,
        1883 if port is None else port,
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
    )
