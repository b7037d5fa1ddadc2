"""Writes the `[fleet]` section of a station file: where its server is, and what it needs of it.

Where a server runs is `served`'s, what is set `settings`'.
"""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from beltmark.contract.broker import parse_broker
from fleet_server.handlers.enrolment import check_name
from fleet_server.served import Served, address_of
from fleet_server.settings import EMBEDDED, toml_text
from fleet_server.site import Site


def station_section(site: Site, name: str, served: Served | None) -> str:
    """Returns the section as TOML, with what is to be seen to as comments.

    Args:
        site: The site.
        name: The station's name in its station file.
        served: Where the server that runs is; None if none does: then what is set counts.

    Raises:
        InputError: No station can have this name, or the broker's address cannot be read.
    """
    check_name(name)
    server, broker = _server(site, served), _broker(site, served)
    lines = [
        f'# Goes into the station file whose [station] has name = "{name}".',
        "[fleet]",
        f"server = {toml_text(server)}",
        f"broker = {toml_text(broker)}",
        f"root = {toml_text(str(site.root_path))}",
    ]
    if urlsplit(broker).scheme != "mqtts":  # else its certificate serves for both
        lines.append(f"token_file = {toml_text(str(site.device_token_path))}")
    lines += _notes(server, broker)
    if site.settings.serials.leased:
        lines += ["", "[serials]", "leased = true"]
    return "\n".join(lines) + "\n"


def _server(site: Site, served: Served | None) -> str:
    setting = site.settings.server
    if setting.address is not None:
        return setting.address.rstrip("/")
    return address_of(setting.host, setting.port) if served is None else served.address


def _broker(site: Site, served: Served | None) -> str:
    if served is not None:
        return served.broker
    setting = site.settings.broker
    if setting.address == EMBEDDED:
        return f"mqtt://127.0.0.1:{setting.port}"
    return str(
        parse_broker(setting.address, may_be_tls=True)
    )  # without what the server proves itself with


def _notes(*addresses: str) -> Iterator[str]:
    if any(_is_loopback(urlsplit(address).hostname or "") for address in addresses):
        yield "# These addresses are this machine's own: no other reaches them."
    if urlsplit(addresses[-1]).scheme == "mqtts":
        yield "# On another machine, name a copy of root.json."
        yield "# The fleet wants a certificate: beltmark-fleet enrol gives the token for it."
    else:
        yield "# On another machine, name copies of the two files; the token is a secret."
        yield "# Where the broker asks who it is: mqtt://user:password@host:port, its own."


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
