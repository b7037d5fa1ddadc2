"""The fleet's authority: its key on the disk, and what is signed with it.

Key and certificate lie in one file, so that neither is ever without the other. What certificates
look like is `certificates`', to whom they are given `handlers.enrolment`'s.
"""

import os
import ssl
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from beltmark.contract.documents import read_bytes, sync
from beltmark.contract.errors import InputError
from fleet_server.devices import certificates
from fleet_server.devices.certificates import DEVICE_DAYS, PASSING_HOURS, Issuer
from fleet_server.releases.files import locked, write_private

_FILE: Final = "authority.pem"
_MAX_BYTES: Final = 65_536
_LOCK_WAIT_S: Final = 10.0
_MEND: Final = "restore it from a copy: with a new one, each station has to be enrolled anew"


@dataclass(frozen=True)
class Authority:
    """Signs for the fleet.

    Attributes:
        issuer: With what.
        clock: Seconds since the epoch.
    """

    issuer: Issuer
    clock: Callable[[], float] = time.time

    @property
    def certificate(self) -> str:
        """Its certificate (PEM), which everybody may have."""
        return pem(self.issuer.certificate)

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of its certificate."""
        return self.issuer.certificate.fingerprint(hashes.SHA256())

    def issue(self, device: str, key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        """A certificate for a device."""
        lasts_s = DEVICE_DAYS * 86_400.0
        return certificates.issue_client(self.issuer, device, key, self.clock(), lasts_s)

    def revocations(self, revoked: Iterable[tuple[int, float]]) -> bytes:
        """The list of what holds no more (PEM)."""
        return certificates.revocations(self.issuer, revoked, self.clock())

    def context(self, name: str) -> ssl.SSLContext:
        """What connects to the fleet's broker under a name, with a certificate that soon runs out.

        It is made for each connection: there is nothing to renew, and nothing to steal.
        """
        key = certificates.new_key()
        lasts_s = PASSING_HOURS * 3_600.0
        own = certificates.issue_client(self.issuer, name, key.public_key(), self.clock(), lasts_s)
        context = ssl.create_default_context(cadata=self.certificate)
        with tempfile.NamedTemporaryFile(mode="wb") as file:  # the library takes keys from files
            file.write(key_pem(key) + pem(own).encode())
            file.flush()
            context.load_cert_chain(file.name)
        return context


def open_authority(folder: Path, site: str, clock: Callable[[], float] = time.time) -> Authority:
    """The authority of a site; it is made where there is none yet.

    Args:
        folder: Where its key lies.
        site: Identity of the site.
        clock: Seconds since the epoch.

    Raises:
        InputError: It is damaged.
    """
    path = folder / _FILE
    if not path.exists():
        busy = "another process makes the authority"
        with locked(folder / ".authority", busy, "try again", _LOCK_WAIT_S):
            if not path.exists():
                _make(path, site, clock())
    return Authority(_read(path), clock)


def pem(certificate: x509.Certificate) -> str:
    """A certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as text, readable for all who have it."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _make(path: Path, site: str, now: float) -> None:
    issuer = certificates.new_issuer(site, now)
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    write_private(beside, key_pem(issuer.key) + pem(issuer.certificate).encode())
    if os.geteuid() == 0:  # such as by sudo: the server, which is not root, has to read it
        owner = path.parent.stat()
        os.chown(beside, owner.st_uid, owner.st_gid)
    os.replace(beside, path)
    sync(path.parent)


def _read(path: Path) -> Issuer:
    content = read_bytes(path, limit=_MAX_BYTES)
    try:
        key = serialization.load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
    except (ValueError, TypeError):
        raise InputError("is no key with its certificate", _MEND, file=path) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != (
        key.public_key()
    ):
        raise InputError("its key and its certificate do not fit", _MEND, file=path)
    return Issuer(certificate, key)
