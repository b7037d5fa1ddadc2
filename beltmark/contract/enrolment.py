"""How a device gets its certificate: the one-time token, what is asked, answered, and signed.

A token is the seed of an Ed25519 key. The device signs its request with it and never sends it; the
server keeps the public half alone. So neither who listens on the way nor who reads the server's
database can enrol. With the token goes the fingerprint of the fleet's authority, by which the
device knows at first contact whose answer it has. The signing itself is left to both sides.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from beltmark.contract.documents import Document
from beltmark.contract.errors import InputError

SERVER_NAME: Final = "_server"
"""As whom the server comes to the broker: no device can have this name."""
MAX_PEM_CHARACTERS: Final = 8_192
KEY_BYTES: Final = 32
RENEW_AFTER: Final = 2 / 3
"""The part of a certificate's life after which a device asks for the next one."""

PROOF_LASTS_S: Final = 300.0
"""For so long a proof holds: clocks differ, and who listens on the way may send it again."""

PROOF_PREFIX: Final = "beltmark-certificate-1."
_PREFIX: Final = "beltmark-1"
_PROOF: Final = re.compile(
    re.escape(PROOF_PREFIX) + r"([A-Za-z0-9_\-]{1,2000})\.([0-9]{1,12})\.([A-Za-z0-9_\-]{1,200})",
    re.ASCII,
)
_TOKEN: Final = re.compile(
    rf"{_PREFIX}\.([A-Za-z0-9_\-]{{43}})\.([A-Za-z0-9_\-]{{43}})\."
    r"([A-Za-z0-9][A-Za-z0-9._\-]{0,63})",
    re.ASCII,
)

Pem = Annotated[str, Field(pattern=r"^-----BEGIN [A-Z ]+-----\n", max_length=MAX_PEM_CHARACTERS)]
Base64 = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]+={0,2}$", max_length=1_024)]
Purpose = Literal["enrol", "renew"]


class EnrolRequest(Document):
    """What a device with a token asks.

    Attributes:
        token_key: Public half of the token, in hexadecimal.
        csr: Its certificate signing request (PKCS #10, PEM); of it, only the key counts.
        signature: Ed25519 by the token over `signed_bytes`, in Base64.
    """

    token_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    csr: Pem
    signature: Base64


class RenewRequest(Document):
    """What a device with a certificate asks.

    Attributes:
        certificate: The one that it has (PEM).
        csr: The request for the next one, as for enrolment.
        signature: ECDSA with SHA-256 by the certificate's key over `signed_bytes`, in Base64.
    """

    certificate: Pem
    csr: Pem
    signature: Base64


class Issued(Document):
    """What a device gets.

    Attributes:
        certificate: Its certificate (PEM).
        authority: The certificate of the fleet's authority (PEM).
    """

    certificate: Pem
    authority: Pem


@dataclass(frozen=True)
class Token:
    """A one-time token.

    Attributes:
        seed: The secret, 32 bytes.
        fingerprint: SHA-256 of the authority's certificate (DER), 32 bytes.
        device: For whom it is.
    """

    seed: bytes
    fingerprint: bytes
    device: str

    def __str__(self) -> str:
        return f"{_PREFIX}.{_text(self.seed)}.{_text(self.fingerprint)}.{self.device}"

    def __repr__(self) -> str:
        return f"Token({self.device!r})"  # a secret does not get into a log


def parse_token(text: str) -> Token:
    """Reads a token.

    Raises:
        InputError: It is none; the message does not repeat it.
    """
    match = _TOKEN.fullmatch(text.strip())
    if match is None:
        raise InputError(
            "this is no token, or not the whole of one", "copy what beltmark-fleet enrol printed"
        )
    seed, fingerprint, device = match.groups()
    return Token(_bytes(seed), _bytes(fingerprint), device)


@dataclass(frozen=True)
class Proof:
    """What a device sends over HTTP, as a bearer token.

    Attributes:
        certificate: Its certificate (DER).
        at: When it was made, in seconds since the epoch.
        signature: ECDSA with SHA-256 by the certificate's key over `proof_bytes`.
    """

    certificate: bytes
    at: int
    signature: bytes

    def __str__(self) -> str:
        certificate, signature = _text(self.certificate), _text(self.signature)
        return f"{PROOF_PREFIX}{certificate}.{self.at}.{signature}"


def parse_proof(text: str) -> Proof | None:
    """Reads a proof; None for what is none."""
    match = _PROOF.fullmatch(text)
    if match is None:
        return None
    certificate, at, signature = match.groups()
    try:
        return Proof(_bytes(certificate), int(at), _bytes(signature))
    except ValueError:
        return None


def proof_bytes(certificate: bytes, at: int) -> bytes:
    """What a proof's signature is over."""
    return f"beltmark proof 1\n{at}\n".encode() + certificate


def signed_bytes(purpose: Purpose, device: str, csr: str) -> bytes:
    """What a request's signature is over."""
    return f"beltmark {purpose} 1\n{device}\n{csr}".encode()


def decode_base64(text: str) -> bytes:
    """Bytes of a signature; none for what is no Base64, which no signature is."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
