"""Reads a broker's address as people write it."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from beltmark.contract.errors import InputError

_MEND = "give mqtt://host, mqtt://host:port or mqtt://user:password@host:port"
_MEND_TLS = f"{_MEND}, or mqtts://host where certificates say who it is"
_PORT, _TLS_PORT = 1883, 8883


@dataclass(frozen=True)
class BrokerAddress:
    """Where a broker is, and who asks.

    Attributes:
        host: Its name or address.
        port: Its port.
        user: As whom to connect; None for nobody in particular.
        password: What proves it.
        is_tls: Whether both sides prove who they are by certificates.
    """

    host: str
    port: int = _PORT
    user: str | None = None
    password: str | None = None
    is_tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mqtt{'s' if self.is_tls else ''}://{host}:{self.port}"

    def __repr__(self) -> str:
        return f"BrokerAddress({str(self)!r})"  # a password does not get into a log


def parse_broker(address: str, *, may_be_tls: bool = False) -> BrokerAddress:
    """Reads `mqtt://[user:password@]host[:port]`.

    Args:
        address: What people wrote.
        may_be_tls: Whether `mqtts://host[:port]` is taken, too.

    Raises:
        InputError: It is none; the message repeats no password.
    """
    mend = _MEND_TLS if may_be_tls else _MEND
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise InputError("the broker's address cannot be read", mend) from None
    is_tls = may_be_tls and parts.scheme == "mqtts"
    if parts.scheme != "mqtt" and not is_tls:
        told = f"{parts.scheme}://" if parts.scheme else "without mqtt://"
        raise InputError(f"the broker's address is {told}", mend)
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise InputError("the broker's address is not a host and a port alone", mend)
    if port == 0:
        raise InputError("the broker's port is 0", mend)
    if is_tls and parts.username is not None:
        raise InputError("the broker's address names a user", "a certificate says who it is")
    return BrokerAddress(
        parts.hostname,
        port or (_TLS_PORT if is_tls else _PORT),
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
        is_tls,
    )
