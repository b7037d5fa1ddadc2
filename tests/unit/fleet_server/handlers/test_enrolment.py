import base64
import contextlib
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from enrolling import Enrolment
from fleet_database import database_url, fleet_engine, postgresql
from fleet_messages import Clock

from beltmark.contract.enrolment import EnrolRequest, Token, parse_token, signed_bytes
from beltmark.contract.errors import InputError
from edge_agent.identity.certificate import (
    NotOurs,
    enrol_request,
    enrolled,
    new_key,
    renew_request,
    renewed,
)
from fleet_server.devices.certificates import DEVICE_DAYS, Refused, new_issuer
from fleet_server.handlers.enrolment import TOKEN_LASTS_S, enrol, invite, renew
from fleet_server.storage.certificates import MAX_ISSUED_AN_HOUR, NotGiven, TooManyIssued

__all__ = ["database_url", "fleet_engine", "postgresql"]

DAY_S = 86_400.0


@pytest.fixture
def fleet(fleet_engine) -> Enrolment:
    return Enrolment(fleet_engine, Clock(1.8e9))


def ask(fleet: Enrolment, token: Token, device: str | None = None, **changed: str):
    asked = enrol_request(token, new_key()).model_copy(update=changed)
    return enrol(fleet.authority, fleet.store, device or token.device, asked)


def invited(fleet: Enrolment, device: str = "belt-1") -> Token:
    return invite(fleet.authority, fleet.store, device, "anna")


def test_a_device_gets_a_certificate_of_its_name_and_no_more(fleet):
    identity = fleet.device("belt-1")
    certificate = identity.certificate
    assert certificate.subject.rfc4514_string() == "CN=belt-1"
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert not constraints.value.ca
    assert identity.expires_at == fleet.clock() + DEVICE_DAYS * DAY_S
    (member,) = fleet.store.listed()
    assert (member.device, member.expires_at, member.revoked_at, member.invited_until) == (
        ("belt-1", identity.expires_at, None, None)
    )


def test_of_a_request_only_the_key_counts(fleet):
    token, key = invited(fleet), new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "_server")])
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )
    issued = enrol(fleet.authority, fleet.store, "belt-1", signed(token, csr))
    identity = enrolled(token, key, issued)
    assert identity.device == "belt-1"
    found = identity.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert not found.value.ca


def signed(token: Token, csr: str) -> EnrolRequest:
    asked = enrol_request(token, new_key())
    signer = Ed25519PrivateKey.from_private_bytes(token.seed)
    signature = signer.sign(signed_bytes("enrol", token.device, csr))
    return asked.model_copy(update={"csr": csr, "signature": base64.b64encode(signature).decode()})


def test_a_key_of_another_kind_or_of_somebody_else_is_refused(fleet):
    token = invited(fleet)
    name = x509.Name([])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    for key in (rsa.generate_private_key(65_537, 2_048), ec.generate_private_key(ec.SECP521R1())):
        csr = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
        with pytest.raises(Refused, match="P-256"):
            enrol(fleet.authority, fleet.store, "belt-1", signed(token, csr))
    theirs = builder.sign(new_key(), hashes.SHA256())
    der = bytearray(theirs.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1  # the last byte of the signature
    bent = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM).decode()
    with pytest.raises(Refused, match="not signed by the key"):
        enrol(fleet.authority, fleet.store, "belt-1", signed(token, bent))
    with pytest.raises(Refused, match="no certificate signing request"):
        enrol(fleet.authority, fleet.store, "belt-1", signed(token, "-----BEGIN X-----\nx"))
    assert ask(fleet, token)  # none of this has used the token


def test_a_token_is_good_once(fleet):
    token = invited(fleet)
    ask(fleet, token)
    with pytest.raises(NotGiven, match="was used"):
        ask(fleet, token)


def test_whose_answer_was_lost_may_ask_again_for_the_same_key(fleet):
    token, key = invited(fleet), new_key()
    answers = {
        enrol(fleet.authority, fleet.store, "belt-1", enrol_request(token, key)).certificate
        for _ in range(3)
    }
    assert len(answers) == 1
    fleet.store.revoke("belt-1", "anna")
    with pytest.raises(NotGiven):
        enrol(fleet.authority, fleet.store, "belt-1", enrol_request(token, key))


def test_of_many_at_once_one_wins(fleet):
    token, outcomes, begin = invited(fleet), [], threading.Barrier(6)

    def run() -> None:
        begin.wait()
        try:
            outcomes.append(ask(fleet, token).certificate)
        except NotGiven:
            outcomes.append(None)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 6
    assert sum(one is not None for one in outcomes) == 1


def test_a_token_runs_out_and_is_for_one_device(fleet):
    token = invited(fleet)
    fleet.clock.now += TOKEN_LASTS_S
    with pytest.raises(NotGiven, match="run out"):
        ask(fleet, token)
    token = invited(fleet)
    other = Token(token.seed, token.fingerprint, "belt-2")
    with pytest.raises(NotGiven, match="no such token"):
        ask(fleet, other)  # signed for belt-2 by a token for belt-1
    with pytest.raises(Refused, match="not signed by the token"):
        ask(fleet, token, "belt-2")  # signed for belt-1, sent for belt-2


def test_what_was_tampered_with_is_refused(fleet):
    token = invited(fleet)
    for changed in (
        {"signature": "AAAA"},
        {"signature": "no base64"},
        {"token_key": "00" * 32},
        {"token_key": "ff" * 32},
        {"csr": enrol_request(token, new_key()).csr},
    ):
        with pytest.raises(Refused, match="not signed by the token"):
            ask(fleet, token, **changed)
    wrong = Token(bytes(32), token.fingerprint, "belt-1")
    with pytest.raises(NotGiven, match="no such token"):
        ask(fleet, wrong)
    assert ask(fleet, token)


def test_a_new_token_and_a_revocation_end_the_one_before(fleet):
    first = invited(fleet)
    second = invited(fleet)
    with pytest.raises(NotGiven):
        ask(fleet, first)
    fleet.store.revoke("belt-1", "anna")
    with pytest.raises(NotGiven):
        ask(fleet, second)


def test_the_token_is_not_kept(fleet, fleet_engine):
    token = invited(fleet)
    with fleet_engine.connect() as connection:
        rows = str(connection.exec_driver_sql("SELECT * FROM enrolments").all())
        logged = str(connection.exec_driver_sql("SELECT * FROM log").all())
    assert token.seed.hex() not in rows + logged
    assert str(token) not in rows + logged + repr(token)
    assert parse_token(f" {token}\n") == token


@pytest.mark.parametrize("text", ["", "beltmark-1", "beltmark-1.a.b.belt-1", "x" * 5_000])
def test_what_is_no_token_is_told(text):
    with pytest.raises(InputError, match="no token"):
        parse_token(text)


@pytest.mark.parametrize("name", ["_server", "a/b", "+", "#", "", "x" * 65, "belt\n1"])
def test_no_station_can_have_such_a_name(fleet, name):
    with pytest.raises(InputError, match="no station can have"):
        invited(fleet, name)


def test_an_answer_of_another_fleet_is_not_taken(fleet):
    token, key = invited(fleet), new_key()
    issued = enrol(fleet.authority, fleet.store, "belt-1", enrol_request(token, key))
    with pytest.raises(NotOurs, match="its authority is another one"):
        enrolled(Token(token.seed, bytes(32), "belt-1"), key, issued)
    with pytest.raises(NotOurs, match="another key"):
        enrolled(token, new_key(), issued)
    with pytest.raises(NotOurs, match="is for 'belt-1'"):
        enrolled(Token(token.seed, token.fingerprint, "belt-2"), key, issued)
    foreign = fleet.authority.issuer.certificate
    with pytest.raises(NotOurs, match="no certificates"):
        enrolled(token, key, issued.model_copy(update={"certificate": "-----BEGIN A-----\n"}))
    assert foreign == enrolled(token, key, issued).authority


def test_a_certificate_brings_the_next_one(fleet):
    first = fleet.device("belt-1")
    fleet.clock.now = first.renew_at
    key = new_key()
    answers = [
        renew(fleet.authority, fleet.store, "belt-1", renew_request(first, key)) for _ in range(2)
    ]
    assert answers[0] == answers[1]  # asked again, for the answer was lost
    second = renewed(first, key, answers[0])
    assert second.expires_at == fleet.clock() + DEVICE_DAYS * DAY_S
    assert second.certificate.serial_number != first.certificate.serial_number


def test_who_may_not_have_the_next_one(fleet):
    one, two = fleet.device("belt-1"), fleet.device("belt-2")
    asked = renew_request(one, new_key())

    def renewing(device: str, **changed: str):
        return renew(fleet.authority, fleet.store, device, asked.model_copy(update=changed))

    with pytest.raises(Refused, match="another station's"):
        renewing("belt-2")
    with pytest.raises(Refused, match="not signed by the certificate's key"):
        renewing("belt-2", certificate=renew_request(two, new_key()).certificate)
    with pytest.raises(Refused, match="not signed by the certificate's key"):
        renewing("belt-1", csr=renew_request(one, new_key()).csr)
    with pytest.raises(Refused, match="not signed by the certificate's key"):
        renewing("belt-1", signature="AAAA")
    stranger = new_issuer("other", fleet.clock())
    pem = stranger.certificate.public_bytes(serialization.Encoding.PEM).decode()
    with pytest.raises(Refused, match="none of this fleet"):
        renewing("belt-1", certificate=pem)
    with pytest.raises(Refused, match="none of this fleet"):
        renewing("belt-1", certificate="-----BEGIN CERTIFICATE-----\n")
    fleet.clock.now = one.expires_at + 1
    with pytest.raises(Refused, match="run out"):
        renewing("belt-1")


def test_one_that_was_revoked_brings_none(fleet):
    one = fleet.device("belt-1")
    assert fleet.store.revoke("belt-1", "anna") == 1
    with pytest.raises(NotGiven, match="revoked"):
        renew(fleet.authority, fleet.store, "belt-1", renew_request(one, new_key()))
    listed = x509.load_pem_x509_crl(fleet.authority.revocations(fleet.store.revoked()))
    assert listed.is_signature_valid(fleet.authority.issuer.key.public_key())
    assert listed.get_revoked_certificate_by_serial_number(one.certificate.serial_number)
    assert listed.next_update_utc == fleet.authority.issuer.certificate.not_valid_after_utc
    again = fleet.device("belt-1")  # a person lets it in again
    assert listed.get_revoked_certificate_by_serial_number(again.certificate.serial_number) is None
    fleet.clock.now = again.expires_at + 1
    assert fleet.store.revoked() == []  # it has run out, and needs no list any more


def test_one_that_asks_too_often_is_told(fleet):
    one = fleet.device("belt-1")
    for _ in range(MAX_ISSUED_AN_HOUR - 1):
        renew(fleet.authority, fleet.store, "belt-1", renew_request(one, new_key()))
    with pytest.raises(TooManyIssued):
        renew(fleet.authority, fleet.store, "belt-1", renew_request(one, new_key()))


def test_a_renewal_beside_a_revocation_escapes_it_never(fleet):
    for turn in range(5):
        one = fleet.device(f"belt-{turn}")
        asked, begin = renew_request(one, new_key()), threading.Barrier(2)

        def race(asked=asked, begin=begin, device=one.device) -> None:
            begin.wait()
            with contextlib.suppress(NotGiven):
                renew(fleet.authority, fleet.store, device, asked)

        thread = threading.Thread(target=race)
        thread.start()
        begin.wait()
        fleet.store.revoke(one.device, "anna")
        thread.join()
    assert all(member.revoked_at is not None for member in fleet.store.listed())
