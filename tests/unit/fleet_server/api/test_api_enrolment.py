from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet_app import FleetApp, fleet_app

from beltmark.contract.enrolment import Issued
from edge_agent.identity.certificate import (
    enrol_request,
    enrolled,
    new_key,
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
