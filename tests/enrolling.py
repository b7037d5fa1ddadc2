"""A fleet's authority and its devices, in memory: for tests of enrolment."""

import ssl
from pathlib import Path

import sqlalchemy as sa
from fleet_messages import Clock

from edge_agent.identity.certificate import Identity, enrol_request, enrolled, new_key
from edge_agent.identity.keeping import IdentityFolder
from fleet_server.devices.authority import Authority
from fleet_server.devices.certificates import new_issuer
from fleet_server.handlers.enrolment import enrol, invite
from fleet_server.storage.certificates import CertificateStore


class Enrolment:
    """An authority with its database.

    Args:
        engine: The database.
        clock: Seconds since the epoch.
    """

    def __init__(self, engine: sa.Engine, clock: Clock) -> None:
        self.clock = clock
        self.authority = Authority(new_issuer("test", clock()), clock)
        self.store = CertificateStore(engine, clock)

    def device(self, name: str) -> Identity:
        """Enrols a device."""
        token, key = invite(self.authority, self.store, name, "test"), new_key()
        issued = enrol(self.authority, self.store, name, enrol_request(token, key))
        return enrolled(token, key, issued)


def context_of(identity: Identity, folder: Path) -> ssl.SSLContext:
    """What connects as a device."""
    kept = IdentityFolder(folder)
    kept.write(identity)
    return kept.context()
