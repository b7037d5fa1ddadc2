from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet_app import FleetApp, fleet_app, sample_upload

from beltmark.contract.enrolment import Issued
from edge_agent.identity.certificate import (
    enrol_request,
    enrolled,
    new_key,
    proof,
    renew_request,
    renewed,
)
from fleet_server.api.enrolment import MOST_A_MINUTE
from fleet_server.handlers.enrolment import invite
from fleet_server.storage.certificates import CertificateStore


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[FleetApp]:
    with fleet_app(tmp_path) as made:
        yield made


def post(fleet: FleetApp, path: str, asked):
    return fleet.stranger.post(f"/api/v1/devices/{path}", json=asked.model_dump())


def test_a_device_enrols_and_renews_with_nothing_but_its_signature(fleet):
    store, key = CertificateStore(fleet.engine, fleet.clock), new_key()
    token = invite(fleet.site.authority(fleet.clock), store, "belt-9", "anna")
    asked = enrol_request(token, key)
    answer = post(fleet, "belt-9/enrol", asked)
    assert answer.status_code == 200, answer.text
    assert token.seed.hex() not in asked.model_dump_json()
    identity = enrolled(token, key, Issued.model_validate_json(answer.content))

    other = post(fleet, "belt-9/enrol", enrol_request(token, new_key()))
    assert (other.status_code, other.json()["detail"]) == (
        403,
        "the token was used: make a new one",
    )

    key = new_key()
    answer = post(fleet, "belt-9/renew", renew_request(identity, key))
    assert answer.status_code == 200, answer.text
    renewed(identity, key, Issued.model_validate_json(answer.content))

    store.revoke("belt-9", "anna")
    answer = post(fleet, "belt-9/renew", renew_request(identity, new_key()))
    assert (answer.status_code, answer.json()["detail"]) == (403, "the certificate was revoked")
    assert post(fleet, "belt-8/renew", renew_request(identity, new_key())).status_code == 422


def test_a_certificate_lets_a_device_in_for_itself_alone(fleet):
    store, key = CertificateStore(fleet.engine, fleet.clock), new_key()
    token = invite(fleet.site.authority(fleet.clock), store, "belt-1", "anna")
    answer = post(fleet, "belt-1/enrol", enrol_request(token, key))
    identity = enrolled(token, key, Issued.model_validate_json(answer.content))

    def ask(device: str, text: str) -> tuple[int, str]:
        client = fleet.client(text)
        answer = client.post(f"/api/v1/devices/{device}/samples", json=sample_upload())
        return answer.status_code, answer.json().get("detail", "")

    good = proof(identity, fleet.clock())
    assert ask("belt-1", good)[0] == 201
    assert fleet.client(good).get("/tuf/metadata/timestamp.json").status_code == 200
    assert ask("belt-2", good) == (401, "the certificate is belt-1's")
    assert fleet.client(good).get("/api/v1/devices").status_code == 401  # it is no person
    begin, certificate, at, signature = good.split(".")
    for bent in (
        f"{begin}.{certificate}.{at}.{signature[::-1]}",
        f"{begin}.{certificate}.{int(at) + 1}.{signature}",
        f"{begin}.{certificate[:-8]}.{at}.{signature}",
        f"{begin}.{certificate}.{at}",
        f"{begin}.A.{at}.{signature}",
        begin + "." + "x" * 5_000,
    ):
        assert ask("belt-1", bent)[0] == 401
    fleet.clock.now += 301
    status, told = ask("belt-1", good)
    assert (status, "clocks" in told) == (401, True)
    good = proof(identity, fleet.clock())
    assert ask("belt-1", good)[0] == 200
    store.revoke("belt-1", "anna")
    status, told = ask("belt-1", good)
    assert (status, "revoked" in told) == (401, True)


def test_who_asks_again_and_again_has_to_wait(fleet):
    for _ in range(MOST_A_MINUTE):
        answer = fleet.stranger.post(
            "/api/v1/devices/belt-1/enrol",
            json={"token_key": "0" * 64, "csr": "-----BEGIN A-----\n", "signature": "AA=="},
        )
        assert answer.status_code == 422
    answer = fleet.stranger.post(
        "/api/v1/devices/belt-1/enrol",
        json={"token_key": "0" * 64, "csr": "-----BEGIN A-----\n", "signature": "AA=="},
    )
    assert answer.status_code == 429


def test_a_body_is_bounded(fleet):
    answer = fleet.stranger.post("/api/v1/devices/belt-1/enrol", content=b"x" * 100_000)
    assert answer.status_code == 413
