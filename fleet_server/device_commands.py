"""What the commands about trust in devices do: `enrol`, `enrolled`, `revoke`, `broker-config`.

Each loads what it needs when it is called, so that asking for help stays quick.
"""

import argparse
import datetime as dt
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from fleet_server.commands import opened, who

if TYPE_CHECKING:
    from fleet_server.storage.certificates import Membership


def enrol(arguments: argparse.Namespace) -> int:
    """Makes a one-time token."""
    from fleet_server.handlers.enrolment import invite  # noqa: PLC0415
    from fleet_server.storage.certificates import CertificateStore  # noqa: PLC0415

    with opened(arguments.site) as (site, engine):
        store, authority = CertificateStore(engine), site.authority()
        known = {one.device: one for one in store.listed()}.get(arguments.device)
        token = invite(authority, store, arguments.device, who(), arguments.minutes * 60.0)
    if known is not None and known.expires_at is not None and known.revoked_at is None:
        print(
            f"{arguments.device} has a certificate; if this is another device, end the old one: "
            "beltmark-fleet revoke",
            file=sys.stderr,
        )
    print(token)
    print(
        f"good once, for {arguments.minutes} minutes; on the station: "
        "beltmark-edge enrol STATION.toml TOKEN",
        file=sys.stderr,
    )
    return 0


def enrolled(arguments: argparse.Namespace) -> int:
    """Lists who has a certificate."""
    from fleet_server.storage.certificates import CertificateStore  # noqa: PLC0415

    with opened(arguments.site) as (_, engine):
        found = CertificateStore(engine).listed()
    for line in _lines(found, time.time(), as_json=arguments.json):
        print(line)
    return 0


def revoke(arguments: argparse.Namespace) -> int:
    """Ends a station's certificates and its session: 0, or 1 where it may still be connected."""
    from fleet_server.handlers.enrolment import check_name  # noqa: PLC0415
    from fleet_server.handlers.revocation import revoke  # noqa: PLC0415
    from fleet_server.storage.certificates import CertificateStore  # noqa: PLC0415

    check_name(arguments.device)
    with opened(arguments.site) as (site, engine):
        outcome = revoke(site, CertificateStore(engine), arguments.device, who())
    print(f"{arguments.device}: {outcome.certificates} certificates revoked")
    for told in outcome.left_to_do:
        print(told, file=sys.stderr)
    if outcome.is_away:
        print(f"{arguments.device}: its session is over")
    return 0 if outcome.is_away else 1


def broker_config(arguments: argparse.Namespace) -> int:
    """Writes Mosquitto's configuration."""
    from beltmark.contract.broker import BrokerAddress  # noqa: PLC0415
    from fleet_server.devices.broker_config import BrokerPlan, write_broker_config  # noqa: PLC0415
    from fleet_server.settings import toml_text  # noqa: PLC0415
    from fleet_server.storage.certificates import CertificateStore  # noqa: PLC0415

    folder = arguments.folder.resolve()
    plan = BrokerPlan(
        hosts=arguments.host,
        port=arguments.port,
        bind=arguments.bind,
        folder=arguments.at or folder,
        data=arguments.data,
        pid_file=arguments.pid_file,
    )
    with opened(arguments.site) as (site, engine):
        write_broker_config(site.authority(), folder, plan, CertificateStore(engine).revoked)
    address = BrokerAddress(arguments.host[0], arguments.port, is_tls=True)
    print(
        f"{folder}: written; server.pem is a secret, which the broker's user must be able to read"
    )
    print("in the site's fleet.toml:")
    print("[broker]")
    print(f"address = {toml_text(str(address))}")
    print(f"folder = {toml_text(str(folder))}")
    print(f"pid_file = {toml_text(str(arguments.pid_file))}")
    return 0


def _lines(found: "Iterable[Membership]", now: float, *, as_json: bool) -> Iterator[str]:
    for one in found:
        if as_json:
            yield json.dumps(asdict(one))
        else:
            invited = "" if one.invited_until is None else "; a token waits to be used"
            yield f"{one.device:<20} {_standing(one, now)}{invited}"


def _standing(one: "Membership", now: float) -> str:
    if one.expires_at is None:
        return "not enrolled"
    if one.revoked_at is not None:
        return f"revoked on {_day(one.revoked_at)}"
    if one.expires_at <= now:
        return f"ran out on {_day(one.expires_at)}"
    return f"until {_day(one.expires_at)}"


def _day(at: float) -> str:
    return dt.datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d")
