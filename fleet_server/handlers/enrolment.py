"""Lets devices into the fleet, gives them their next certificate, and puts them out of it.

Who asks is proven by what a request is signed with, so nothing secret is on the way, and it does
not matter who passes it on. How a certificate looks is `devices.certificates`', what was given is
`storage.certificates`'.
"""

import hashlib
import os
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import TypeAdapter, ValidationError

from beltmark.contract.enrolment import (
    KEY_BYTES,
    EnrolRequest,
    Issued,
    RenewRequest,
    Token,
    decode_base64,
    signed_bytes,
)
from beltmark.contract.errors import InputError
from beltmark.contract.terms import DeviceName
from fleet_server.devices.authority import Authority, pem
from fleet_server.devices.certificates import (
    Refused,
    is_signed_by,
    is_signed_by_token,
    name_of,
    presented,
    requested_key,
)
from fleet_server.storage.certificates import CertificateStore, NewCertificate

TOKEN_LASTS_S: Final = 3_600.0


def invite(
    authority: Authority,
    store: CertificateStore,
    device: str,
    who: str,
    lasts_s: float = TOKEN_LASTS_S,
) -> Token:
    """Makes a one-time token for a device; it is kept nowhere.

    Raises:
        InputError: No station can have this name.
    """
    check_name(device)
    seed = os.urandom(KEY_BYTES)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    store.invite(public.hex(), device, who, lasts_s)
    return Token(seed, authority.fingerprint, device)


def enrol(
    authority: Authority, store: CertificateStore, device: str, asked: EnrolRequest
) -> Issued:
    """Gives a device its first certificate.

    Raises:
        Refused: What it asks for is not to be given.
        NotGiven: Its token is not, or no longer, good for one.
    """
    key = requested_key(asked.csr)
    content = signed_bytes("enrol", device, asked.csr)
    token_key = bytes.fromhex(asked.token_key)
    if not is_signed_by_token(token_key, decode_base64(asked.signature), content):
        raise Refused("the request is not signed by the token")
    certificate = store.redeem(
        asked.token_key, device, _digest(key), _issuing(authority, device, key)
    )
    return Issued(certificate=certificate, authority=authority.certificate)


def renew(
    authority: Authority, store: CertificateStore, device: str, asked: RenewRequest
) -> Issued:
    """Gives a device its next certificate.

    Raises:
        Refused: What it asks for is not to be given.
        NotGiven: The certificate that it has was revoked.
        TooManyIssued: It asks too often.
    """
    key = requested_key(asked.csr)
    held = presented(authority.issuer, asked.certificate, authority.clock())
    if name_of(held) != device:
        raise Refused("the certificate is another station's")
    content = signed_bytes("renew", device, asked.csr)
    if not is_signed_by(held, decode_base64(asked.signature), content):
        raise Refused("the request is not signed by the certificate's key")
    serial = f"{held.serial_number:x}"
    certificate = store.renew(serial, device, _digest(key), _issuing(authority, device, key))
    return Issued(certificate=certificate, authority=authority.certificate)


def check_name(device: str) -> None:
    """Lets a name pass that a station can have.

    Raises:
        InputError: It is none.
    """
    try:
        TypeAdapter(DeviceName).validate_python(device)
    except ValidationError:
        raise InputError(
            f"no station can have the name {device!r}",
            "use letters, digits, '.', '_' and '-', at most 64",
        ) from None


def _issuing(
    authority: Authority, device: str, key: ec.EllipticCurvePublicKey
) -> Callable[[], NewCertificate]:
    def issue() -> NewCertificate:
        made = authority.issue(device, key)
        expires_at = made.not_valid_after_utc.timestamp()
        return NewCertificate(f"{made.serial_number:x}", expires_at, pem(made))

    return issue


def _digest(key: ec.EllipticCurvePublicKey) -> str:
    content = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(content).hexdigest()
