"""Reads how a device proves over HTTP who it is: its certificate, and its word on the time.

Whether the certificate was revoked is left to who asks.
"""

import ssl
from dataclasses import dataclass

from beltmark.contract.enrolment import PROOF_LASTS_S, parse_proof, proof_bytes
from fleet_server.devices.certificates import Issuer, Refused, is_signed_by, name_of, presented


@dataclass(frozen=True)
class Proven:
    """Who somebody is.

    Attributes:
        device: The device.
        serial: Serial number of its certificate, in hexadecimal.
    """

    device: str
    serial: str


def proven(issuer: Issuer, text: str, now: float) -> Proven:
    """Who has sent a proof.

    Args:
        issuer: Who has signed the fleet's certificates.
        text: The proof.
        now: Seconds since the epoch.

    Raises:
        Refused: It is none, or an old one, or not from a device of this fleet.
    """
    proof = parse_proof(text)
    if proof is None:
        raise Refused("this is no proof")
    certificate = presented(issuer, ssl.DER_cert_to_PEM_cert(proof.certificate), now)
    content = proof_bytes(proof.certificate, proof.at)
    if not is_signed_by(certificate, proof.signature, content):
        raise Refused("the proof is not signed by the certificate's key")
    if abs(now - proof.at) > PROOF_LASTS_S:
        raise Refused("the proof is not of now: are the clocks of the station and the server set?")
    return Proven(name_of(certificate), f"{certificate.serial_number:x}")
