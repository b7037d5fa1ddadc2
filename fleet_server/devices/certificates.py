"""What certificates of a fleet look like: made here alone. Pure, but for the dice of keys.

Subject, names and rights are decided here alone; of what somebody asks for, only the key counts.
The profile is that of RFC 5280. Where keys lie is left to `authority`.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_YEARS: Final = 20
DEVICE_DAYS: Final = 90
BROKER_DAYS: Final = 730
PASSING_HOURS: Final = 24
_PEM: Final = serialization.Encoding.PEM
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1)
# Clocks differ: what is issued now must hold for one that is somewhat behind.
_LEEWAY: Final = dt.timedelta(hours=1)


class Refused(Exception):  # noqa: N818 - the state's own name
    """What was asked for is not given; the text says why."""


@dataclass(frozen=True)
class Issuer:
    """Who signs.

    Attributes:
        certificate: Its certificate.
        key: Its key.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def new_key() -> ec.EllipticCurvePrivateKey:
    """A new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def new_issuer(site: str, now: float) -> Issuer:
    """A new authority, which signs for itself.

    Args:
        site: Identity of its site.
        now: Seconds since the epoch.
    """
    key, begin = new_key(), _time(now)
    name = _name(f"Beltmark fleet {site}")
    usage = _usage(digital_signature=False, signs_certificates=True)
    builder = (
        _builder(name, name, key.public_key(), begin)
        .not_valid_after(begin + dt.timedelta(days=365 * AUTHORITY_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return Issuer(builder.sign(key, hashes.SHA256()), key)


def issue_client(
    issuer: Issuer, name: str, key: ec.EllipticCurvePublicKey, now: float, lasts_s: float
) -> x509.Certificate:
    """A certificate for one who connects.

    Args:
        issuer: Who signs.
        name: As whom; its common name.
        key: Its public key.
        now: Seconds since the epoch.
        lasts_s: For so long.
    """
    builder = _leaf(
        issuer, name, key, now=now, lasts_s=lasts_s, purpose=ExtendedKeyUsageOID.CLIENT_AUTH
    )
    return builder.sign(issuer.key, hashes.SHA256())


def issue_server(
    issuer: Issuer, hosts: Sequence[str], key: ec.EllipticCurvePublicKey, now: float
) -> x509.Certificate:
    """A certificate for one who listens.

    Args:
        issuer: Who signs.
        hosts: Names and addresses under which it is reached.
        key: Its public key.
        now: Seconds since the epoch.
    """
    names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
    lasts_s = BROKER_DAYS * 86_400.0
    builder = _leaf(
        issuer,
        hosts[0][:64],
        key,
        now=now,
        lasts_s=lasts_s,
        purpose=ExtendedKeyUsageOID.SERVER_AUTH,
    )
    return builder.add_extension(names, critical=False).sign(issuer.key, hashes.SHA256())


def revocations(issuer: Issuer, revoked: Iterable[tuple[int, float]], now: float) -> bytes:
    """The list of what holds no more (RFC 5280, section 5), in PEM.

    It ends with its issuer, for a list that has run out keeps everybody off: the broker has it from
    a file beside it, and would not know an old one from a new one by its date.

    Args:
        issuer: Who signs.
        revoked: Serial number and time, in seconds since the epoch, of each.
        now: Seconds since the epoch; the list's number.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(_time(now) - _LEEWAY)
        .next_update(issuer.certificate.not_valid_after_utc)
        .add_extension(x509.CRLNumber(int(now * 1_000)), critical=False)
    )
    for serial, at in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(_time(at))
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(_PEM)


def requested_key(csr: str) -> ec.EllipticCurvePublicKey:
    """The key for which somebody asks a certificate, and which they have.

    Raises:
        Refused: It is no request, its kind of key is none that is taken, or it is not theirs.
    """
    try:
        request = x509.load_pem_x509_csr(csr.encode())
        key = request.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, _CURVES):
            raise Refused("a key must be of the curve P-256 or P-384")
        is_theirs = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Refused("this is no certificate signing request") from None
    if not is_theirs:
        raise Refused("the request is not signed by the key that it is for")
    return key


def presented(issuer: Issuer, certificate: str, now: float) -> x509.Certificate:
    """A certificate that somebody shows, if it is this issuer's and holds by its dates.

    Raises:
        Refused: It is not, or does not.
    """
    try:
        shown = x509.load_pem_x509_certificate(certificate.encode())
        shown.verify_directly_issued_by(issuer.certificate)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        raise Refused("the certificate is none of this fleet") from None
    if not shown.not_valid_before_utc <= _time(now) <= shown.not_valid_after_utc:
        raise Refused("the certificate has run out: enrol the station anew")
    return shown


def is_signed_by(certificate: x509.Certificate, signature: bytes, content: bytes) -> bool:
    """Whether a certificate's key has signed something (ECDSA with SHA-256)."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(signature, content, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def is_signed_by_token(token_key: bytes, signature: bytes, content: bytes) -> bool:
    """Whether a one-time token has signed something (Ed25519)."""
    try:
        Ed25519PublicKey.from_public_bytes(token_key).verify(signature, content)
    except (ValueError, InvalidSignature):
        return False
    return True


def name_of(certificate: x509.Certificate) -> str:
    """Whose a certificate is."""
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _leaf(
    issuer: Issuer,
    name: str,
    key: ec.EllipticCurvePublicKey,
    *,
    now: float,
    lasts_s: float,
    purpose: x509.ObjectIdentifier,
) -> x509.CertificateBuilder:
    begin = _time(now)
    end = min(begin + dt.timedelta(seconds=lasts_s), issuer.certificate.not_valid_after_utc)
    authority = issuer.key.public_key()
    return (
        _builder(_name(name), issuer.certificate.subject, key, begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True, signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority), critical=False
        )
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begin: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - _LEEWAY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, digital_signature: bool, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _time(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC)
