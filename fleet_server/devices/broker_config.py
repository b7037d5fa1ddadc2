"""Writes what Mosquitto needs so that each device is who its certificate says, and no more.

Mosquitto takes user and client id from the certificate: nobody speaks, hears or is connected under
another's name. What is read and what is written are apart: no device writes its own desired state.
Works with Mosquitto from 2.0 on; whose session is to end is left to `sessions`.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509

from beltmark.contract.documents import sync, write_bytes
from beltmark.contract.enrolment import SERVER_NAME
from beltmark.contract.topics import ALL_UP, ROOT, SERVER_ONLINE
from fleet_server.devices.authority import Authority, key_pem, pem
from fleet_server.devices.certificates import issue_server, new_key
from fleet_server.releases.files import write_private

Revoked = Callable[[], Sequence[tuple[int, float]]]
"""Tells the serial number of each certificate that was revoked, and when that was."""

REVOCATIONS: Final = "revoked.pem"
_CERTIFICATE: Final = "server-certificate.pem"
_TOLD_BEFORE_DAYS: Final = 60
_MAX_PACKET_BYTES: Final = 1024 * 1024
_MAX_QUEUED_BYTES: Final = 256 * 1024 * 1024

_CONFIGURATION: Final = """\
# Written by beltmark-fleet broker-config, which writes it anew: changes are lost.
per_listener_settings false
allow_anonymous false
acl_file {folder}/acl
pid_file {pid_file}

persistence true
persistence_location {data}/
# What was acknowledged must survive a power cut: the default saves twice an hour.
autosave_interval 10
# A station that was away for days brings much at once; the default drops what is beyond a thousand.
max_queued_messages 100000
max_queued_bytes {queued_bytes}
max_inflight_messages 100
max_packet_size {packet_bytes}

listener {port}{address}
cafile {folder}/authority.pem
certfile {folder}/server.pem
keyfile {folder}/server.pem
crlfile {folder}/{revocations}
require_certificate true
# Who it is, is what the certificate says: a name of one's own choosing would evict another.
use_identity_as_username true
use_username_as_clientid true
"""

_ACCESS: Final = f"""\
# Written by beltmark-fleet broker-config, which writes it anew: changes are lost.
user {SERVER_NAME}
topic read {ALL_UP}
topic write {ROOT}/+/down/+
topic readwrite {SERVER_ONLINE}

# Each device (%u is its name); what is not named here is refused.
pattern write {ROOT}/%u/up/+
pattern read {ROOT}/%u/down/+
pattern read {SERVER_ONLINE}
"""


@dataclass(frozen=True)
class BrokerPlan:
    """How the broker is to run.

    Attributes:
        hosts: Names and addresses under which it is reached.
        port: Where it listens.
        bind: The address of its machine on which it listens; None for all.
        folder: Where the files lie on its machine.
        data: Where it keeps what is retained and queued.
        pid_file: Where it notes its process.
    """

    hosts: Sequence[str]
    port: int
    bind: str | None
    folder: Path
    data: Path
    pid_file: Path


def configuration(plan: BrokerPlan) -> str:
    """The file `mosquitto.conf`."""
    return _CONFIGURATION.format(
        folder=plan.folder,
        data=plan.data,
        pid_file=plan.pid_file,
        port=plan.port,
        address="" if plan.bind is None else f" {plan.bind}",
        queued_bytes=_MAX_QUEUED_BYTES,
        packet_bytes=_MAX_PACKET_BYTES,
        revocations=REVOCATIONS,
    )


def write_broker_config(
    authority: Authority, folder: Path, plan: BrokerPlan, revoked: Revoked
) -> None:
    """Writes all files, each whole; the broker gets a new key.

    Args:
        authority: Signs the broker's certificate, and whom it lets in.
        folder: Where they are written.
        plan: How the broker is to run.
        revoked: Tells what was revoked.
    """
    key = new_key()
    certificate = issue_server(authority.issuer, plan.hosts, key.public_key(), authority.clock())
    write_bytes(folder / "authority.pem", authority.certificate.encode())
    write_revocations(authority, folder, revoked)
    write_bytes(folder / "acl", _ACCESS.encode())
    # One file, so that the broker never finds a key without its certificate.
    _replace_private(folder / "server.pem", key_pem(key) + pem(certificate).encode())
    write_bytes(folder / _CERTIFICATE, pem(certificate).encode())  # for `broker_problem` alone
    write_bytes(folder / "mosquitto.conf", configuration(plan).encode())


def broker_problem(folder: Path, now: float) -> str | None:
    """Says that the broker's certificate runs out soon; None if it does not.

    Args:
        folder: Where the broker's files were written.
        now: Seconds since the epoch.
    """
    try:
        certificate = x509.load_pem_x509_certificate((folder / _CERTIFICATE).read_bytes())
    except (OSError, ValueError):
        return f"{folder} does not hold what beltmark-fleet broker-config wrote"
    end = certificate.not_valid_after_utc
    if end.timestamp() - now > _TOLD_BEFORE_DAYS * 86_400:
        return None
    return (
        f"the broker's certificate runs out on {end:%Y-%m-%d}: write it anew (beltmark-fleet "
        "broker-config) and reload the broker"
    )


def write_revocations(authority: Authority, folder: Path, revoked: Revoked) -> None:
    """Writes the list of what holds no more; the broker reads it when it is told to.

    Of several who write at once, the last one looks again: its list misses nobody.
    """
    written = None
    while (listed := revoked()) != written:
        write_bytes(folder / REVOCATIONS, authority.revocations(listed))
        written = listed


def _replace_private(path: Path, content: bytes) -> None:
    """Replaces a file that is for its owner alone; who owned it before still does."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    write_private(beside, content)
    if path.exists() and os.geteuid() == 0:
        held = path.stat()
        os.chown(beside, held.st_uid, held.st_gid)
    os.replace(beside, path)
    sync(path.parent)
