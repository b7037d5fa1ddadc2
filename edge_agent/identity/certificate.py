"""What a device asks for to be known by a certificate, and whether an answer is what it asked for.

Pure but for the dice of keys. Where an identity lies is left to `keeping`, the asking to
`enrolling` and `renewal`.
"""

import base64
import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from beltmark.contract.enrolment import (
    RENEW_AFTER,
    EnrolRequest,
    Issued,
    Proof,
    RenewRequest,
    Token,
    proof_bytes,
    signed_bytes,
)


class NotOurs(Exception):  # noqa: N818 - the state's own name
    """An answer that is not from this device's fleet, or not for this device; the text says why."""


@dataclass(frozen=True)
class Identity:
    """Who a device is, and how it proves that.

    Attributes:
        key: Its key, which never leaves it.
        certificate: Its certificate.
        authority: The certificate of the fleet's authority.
    """

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    authority: x509.Certificate

    @property
    def device(self) -> str:
        """Its name."""
        return _name(self.certificate)

    @property
    def expires_at(self) -> float:
        """Until when it holds, in seconds since the epoch."""
        return self.certificate.not_valid_after_utc.timestamp()

    @property
    def renew_at(self) -> float:
        """When the next certificate is to be asked for, in seconds since the epoch."""
        begin = self.certificate.not_valid_before_utc.timestamp()
        return begin + (self.expires_at - begin) * RENEW_AFTER


def new_key() -> ec.EllipticCurvePrivateKey:
    """A new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def enrol_request(token: Token, key: ec.EllipticCurvePrivateKey) -> EnrolRequest:
    """What a device with a token asks."""
    signer, csr = Ed25519PrivateKey.from_private_bytes(token.seed), _csr(token.device, key)
    signature = signer.sign(signed_bytes("enrol", token.device, csr))
    public = signer.public_key().public_bytes_raw().hex()
    return EnrolRequest(token_key=public, csr=csr, signature=_base64(signature))


def renew_request(identity: Identity, key: ec.EllipticCurvePrivateKey) -> RenewRequest:
    """What a device with a certificate asks.

    Args:
        identity: Who it is.
        key: Its next key.
    """
    csr = _csr(identity.device, key)
    content = signed_bytes("renew", identity.device, csr)
    signature = identity.key.sign(content, ec.ECDSA(hashes.SHA256()))
    certificate = pem(identity.certificate)
    return RenewRequest(certificate=certificate, csr=csr, signature=_base64(signature))


def enrolled(token: Token, key: ec.EllipticCurvePrivateKey, issued: Issued) -> Identity:
    """The identity that a token brought.

    Raises:
        NotOurs: The answer is not from the fleet that gave the token, or not what was asked for.
    """
    identity = _read(key, issued)
    content = identity.authority.public_bytes(serialization.Encoding.DER)
    if hashlib.sha256(content).digest() != token.fingerprint:
        raise NotOurs("its authority is another one")
    _check(identity, token.device)
    return identity


def renewed(before: Identity, key: ec.EllipticCurvePrivateKey, issued: Issued) -> Identity:
    """The identity after the next certificate came.

    Raises:
        NotOurs: The answer is not from this device's fleet, or not what was asked for.
    """
    identity = _read(key, issued)
    if identity.authority != before.authority:
        raise NotOurs("it is another fleet")
    _check(identity, before.device)
    return identity


def proof(identity: Identity, now: float) -> str:
    """What lets the device in over HTTP for the next minutes."""
    certificate = identity.certificate.public_bytes(serialization.Encoding.DER)
    content = proof_bytes(certificate, int(now))
    return str(Proof(certificate, int(now), identity.key.sign(content, ec.ECDSA(hashes.SHA256()))))


def pem(certificate: x509.Certificate) -> str:
    """A certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _csr(device: str, key: ec.EllipticCurvePrivateKey) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    signed = request.sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def _read(key: ec.EllipticCurvePrivateKey, issued: Issued) -> Identity:
    try:
        return Identity(
            key,
            x509.load_pem_x509_certificate(issued.certificate.encode()),
            x509.load_pem_x509_certificate(issued.authority.encode()),
        )
    except ValueError:
        raise NotOurs("it holds no certificates") from None


def _check(identity: Identity, device: str) -> None:
    try:
        identity.certificate.verify_directly_issued_by(identity.authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        raise NotOurs("the certificate is not signed by the fleet") from None
    if identity.certificate.public_key() != identity.key.public_key():
        raise NotOurs("the certificate is for another key")
    if identity.device != device:
        raise NotOurs(f"the certificate is for {identity.device!r}")


def _name(certificate: x509.Certificate) -> str:
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
