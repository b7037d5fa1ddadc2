"""Keeps a device's identity in its data folder: key, certificate and authority in one file.

So a power cut leaves the old one or the new one, whole. The key for which a certificate was asked
lies beside it until that has come: whoever asks again, asks for the same one.
"""

import os
import ssl
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from beltmark.contract.documents import read_bytes, sync, writing
from beltmark.contract.errors import InputError
from edge_agent.identity.certificate import Identity, new_key, pem

_FILE: Final = "identity.pem"
_NEXT: Final = "next-key.pem"
_MAX_BYTES: Final = 65_536
_MEND: Final = "enrol the station: beltmark-edge enrol"


class IdentityFolder:
    """The folder of an identity.

    Args:
        folder: The folder; it is made when there is something to keep.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def path(self) -> Path:
        """The identity's file."""
        return self._folder / _FILE

    def read(self) -> Identity:
        """The identity.

        Raises:
            InputError: There is none, or it is damaged.
        """
        if not self.path.exists():
            raise InputError("this station is not enrolled", _MEND, file=self.path)
        content = read_bytes(self.path, limit=_MAX_BYTES)
        try:
            key = serialization.load_pem_private_key(content, None)
            certificate, authority = x509.load_pem_x509_certificates(content)
        except (ValueError, TypeError):
            raise InputError("is damaged", _MEND, file=self.path) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or (
            certificate.public_key() != key.public_key()
        ):
            raise InputError("its key and its certificate do not fit", _MEND, file=self.path)
        return Identity(key, certificate, authority)

    def write(self, identity: Identity) -> None:
        """Keeps an identity in the place of the one before."""
        certificates = pem(identity.certificate) + pem(identity.authority)
        self._write(self.path, _key_pem(identity.key) + certificates.encode())
        (self._folder / _NEXT).unlink(missing_ok=True)

    def next_key(self) -> ec.EllipticCurvePrivateKey:
        """The key for which a certificate is to be asked; it is kept until that has come."""
        path = self._folder / _NEXT
        if path.exists():
            try:
                key = serialization.load_pem_private_key(read_bytes(path, limit=_MAX_BYTES), None)
            except (ValueError, TypeError):
                key = None
            # One that died just after its certificate came has left the key of that.
            if isinstance(key, ec.EllipticCurvePrivateKey) and not self._is_in_use(key):
                return key
        made = new_key()
        self._write(path, _key_pem(made))
        return made

    def context(self) -> ssl.SSLContext:
        """What connects as this device, to servers of its fleet alone.

        Raises:
            InputError: There is no identity, or it is damaged.
        """
        identity = self.read()
        context = ssl.create_default_context(cadata=pem(identity.authority))
        context.load_cert_chain(self.path)
        return context

    def _is_in_use(self, key: ec.EllipticCurvePrivateKey) -> bool:
        try:
            return self.read().key.public_key() == key.public_key()
        except InputError:
            return False

    def _write(self, path: Path, content: bytes) -> None:
        """Writes a file whole or not at all, durably, and for its owner alone.

        Where root enrols a station, the owner is that of the data folder: the agent's user.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner, is_root = self._folder.parent.stat(), os.geteuid() == 0
        if is_root:
            os.chown(self._folder, owner.st_uid, owner.st_gid)
        beside = path.with_name(f".{path.name}.new")
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with writing(path), os.fdopen(handle, "wb") as file:
            if is_root:
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        sync(self._folder)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
