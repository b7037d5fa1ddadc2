"""Puts a device out of the fleet: its certificates, its tokens, and the session that it has.

In this order: the database first, for what is noted there holds whatever happens next, then the
broker's list, then the session. It may be done again at any time.
"""

from dataclasses import dataclass

from beltmark.contract.broker import BrokerAddress, parse_broker
from beltmark.contract.errors import InputError
from fleet_server.devices.broker_config import write_revocations
from fleet_server.devices.sessions import end_session, reload_broker
from fleet_server.settings import EMBEDDED, BrokerSection
from fleet_server.site import Site
from fleet_server.storage.certificates import CertificateStore

_BY_HAND = (
    "the broker does not know of it yet: write its list anew (beltmark-fleet broker-config), "
    "reload it, and revoke once more; or set folder and pid_file in fleet.toml, [broker]"
)
_SHARED = (
    "whoever has the site's device-token still comes in over HTTP: once all stations are enrolled, "
    "set shared_token = false in fleet.toml, [server]"
)


@dataclass(frozen=True)
class Revocation:
    """What came of it.

    Attributes:
        certificates: How many certificates were ended now.
        is_away: Whether the device is not connected, and cannot come back.
        left_to_do: What a person has to see to.
    """

    certificates: int
    is_away: bool
    left_to_do: tuple[str, ...] = ()


def revoke(site: Site, store: CertificateStore, device: str, who: str) -> Revocation:
    """Puts a device out of the fleet.

    Args:
        site: The site.
        store: Its certificates.
        device: The device.
        who: Who asks, for the log.
    """
    ended = store.revoke(device, who)
    broker = site.settings.broker
    told: list[str] = []
    if site.settings.server.shared_token:
        told.append(_SHARED)
    try:
        address = _secure(broker)
        _tell_broker(site, store, broker, told)
        is_away = end_session(site.authority(), address, device)
    except InputError as error:
        return Revocation(ended, False, (*told, str(error)))
    if not is_away:
        told.append(
            f"{device} may be back: either the broker has not read its list of what was revoked, "
            "or it ended just now; see to it, and revoke once more"
        )
    return Revocation(ended, is_away, tuple(told))


def _tell_broker(
    site: Site, store: CertificateStore, broker: BrokerSection, told: list[str]
) -> None:
    if broker.folder is not None:
        folder = site.folder / broker.folder
        try:
            write_revocations(site.authority(), folder, store.revoked)
        except OSError as error:
            raise InputError(
                f"the broker's list cannot be written: {error.strerror}",
                "revoke once more as somebody who may, such as by sudo",
                file=folder,
            ) from None
    if broker.folder is None or broker.pid_file is None:
        told.append(_BY_HAND)
    else:
        reload_broker(site.folder / broker.pid_file)


def _secure(broker: BrokerSection) -> BrokerAddress:
    """The broker's address, if that asks for certificates."""
    if broker.address == EMBEDDED:
        raise InputError("the embedded broker knows no certificates", "use Mosquitto for a site")
    address = parse_broker(broker.address, may_be_tls=True)
    if not address.is_tls:
        raise InputError(
            "the broker asks for no certificates", "set mqtts:// in fleet.toml, [broker]"
        )
    return address
