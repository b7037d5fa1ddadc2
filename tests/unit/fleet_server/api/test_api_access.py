import re

import pytest
from fleet_app import FleetApp, fleet_app

from fleet_server.api.access import COOKIE
from fleet_server.tokens import COOKIE_LASTS_S


@pytest.fixture(scope="module")
def fleet(tmp_path_factory) -> FleetApp:
    with fleet_app(tmp_path_factory.mktemp("fleet")) as made:
        yield made


PEOPLE = [
    ("GET", "/api/v1/devices"),
    ("GET", "/api/v1/devices/belt-1/items"),
    ("GET", "/api/v1/devices/belt-1/items/i1/crop"),
    ("GET", "/api/v1/releases"),
    ("GET", "/api/v1/samples"),
    ("GET", "/api/v1/samples/belt-1/s1/image"),
    ("POST", "/api/v1/devices/belt-1/desired"),
    ("POST", "/api/v1/devices/belt-1/back"),
    ("POST", "/sign-out"),
]
DEVICES = [
    ("GET", "/tuf/metadata/timestamp.json"),
    ("GET", "/tuf/targets/releases/release-1/bundle.json"),
    ("GET", f"/tuf/targets/blobs/{'a' * 64}"),
    ("POST", "/api/v1/devices/belt-1/samples"),
    ("PUT", "/api/v1/devices/belt-1/items/i1/crop"),
    ("POST", "/api/v1/devices/belt-1/serials"),
]
OPEN = {
    ("GET", "/api/v1/health"),
    # What is asked of these is proven by its own signature.
    ("POST", "/api/v1/devices/{device}/enrol"),
    ("POST", "/api/v1/devices/{device}/renew"),
}


@pytest.mark.parametrize(("method", "path"), PEOPLE + DEVICES)
def test_a_stranger_gets_nothing(fleet, method, path):
    for token in (None, "guess", "", "x" * 10_000):
        body = {"release": "release-1"} if path.endswith("desired") else None
        answer = fleet.client(token).request(method, path, json=body)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["title"] == "Unauthorized"


@pytest.mark.parametrize(("method", "path"), PEOPLE)
def test_a_device_is_no_person(fleet, method, path):
    body = {"release": "release-1"} if path.endswith("desired") else None
    assert fleet.device.request(method, path, json=body).status_code == 401


@pytest.mark.parametrize(("method", "path"), DEVICES)
def test_a_person_is_no_device(fleet, method, path):
    assert fleet.admin.request(method, path).status_code == 401


def test_every_route_that_is_described_is_in_one_of_the_lists_above(fleet):
    routes = {
        (method.upper(), path): described
        for path, methods in fleet.app.openapi()["paths"].items()
        for method, described in methods.items()
    }
    for (method, path), described in routes.items():
        template = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
        is_tried = any(
            method == other and template.fullmatch(tried) for other, tried in PEOPLE + DEVICES
        )
        assert is_tried == ((method, path) not in OPEN), path
        assert bool(described.get("security")) == is_tried, path


def sign_in(fleet) -> tuple[object, str]:
    client = fleet.client()
    answer = client.post("/sign-in", data={"token": fleet.admin_token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return client, answer.headers["set-cookie"]


def test_signing_in_gets_a_cookie_that_opens(fleet):
    client, cookie = sign_in(fleet)
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert fleet.admin_token not in cookie
    assert client.get("/api/v1/devices").status_code == 200


def test_the_cookie_is_for_https_alone_where_that_is_spoken(fleet):
    answer = fleet.client().post("https://testserver/sign-in", data={"token": fleet.admin_token})
    assert "; Secure" in answer.headers["set-cookie"]


def test_a_link_signs_in_and_loses_its_token(fleet):
    client = fleet.client()
    answer = client.get("/sign-in", params={"token": fleet.admin_token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert client.get("/api/v1/devices").status_code == 200


@pytest.mark.parametrize("token", ["", "guess", "<script>alert(1)</script>", "x" * 10_000])
def test_a_wrong_token_is_told(fleet, token):
    for answer in (
        fleet.client().post("/sign-in", data={"token": token}),
        fleet.client().get("/sign-in", params={"token": token}),
    ):
        assert answer.status_code == 401
        assert "This is not the admin token." in answer.text
        assert "set-cookie" not in answer.headers
        assert "<script" not in answer.text


def test_odd_forms_sign_nobody_in(fleet):
    for body in (b"", b"\xff\xfe", b"token", b"&" * 1_000, b"a=1&" * 50):
        answer = fleet.client().post("/sign-in", content=body)
        assert answer.status_code in (401, 422), body


def test_the_sign_in_page_asks(fleet):
    answer = fleet.client().get("/sign-in")
    assert answer.status_code == 200
    assert 'name="token"' in answer.text


def test_signing_out_forgets_the_cookie(fleet):
    client, _ = sign_in(fleet)
    answer = client.post("/sign-out", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303
    assert client.get("/api/v1/devices").status_code == 401


def test_a_cookie_ends(fleet):
    client, _ = sign_in(fleet)
    fleet.clock.now += COOKIE_LASTS_S
    try:
        assert client.get("/api/v1/devices").status_code == 401
    finally:
        fleet.clock.now -= COOKIE_LASTS_S


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://testserver"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"}, 403),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_a_page_of_another_site_changes_nothing(fleet, headers, status):
    client, _ = sign_in(fleet)
    before = fleet.fleet.desired("belt-2")
    answer = client.post(
        "/api/v1/devices/belt-2/desired", json={"release": "release-1"}, headers=headers
    )
    assert answer.status_code == status
    assert (fleet.fleet.desired("belt-2") == before) == (status == 403)
    assert client.get("/api/v1/devices", headers=headers).status_code == 200


def test_a_wrong_token_is_not_made_good_by_a_cookie(fleet):
    client, _ = sign_in(fleet)
    answer = client.get("/api/v1/devices", headers={"Authorization": "Bearer guess"})
    assert answer.status_code == 401


def test_a_new_admin_token_ends_tokens_and_cookies(tmp_path):
    with fleet_app(tmp_path) as fleet:
        client, _ = sign_in(fleet)
        token = fleet.site.renew_admin_token()
        assert client.get("/api/v1/devices").status_code == 401
        assert fleet.admin.get("/api/v1/devices").status_code == 401
        assert fleet.client(token).get("/api/v1/devices").status_code == 200


def test_who_looks_at_a_page_is_asked_to_sign_in(fleet):
    answer = fleet.stranger.get("/api/v1/devices", headers={"Accept": "text/html"})
    assert answer.status_code == 401  # the API is the API


def test_a_secret_that_was_damaged_is_the_servers_fault(tmp_path):
    """Or a device would believe that it is to send its sample never again."""
    with fleet_app(tmp_path) as fleet:
        fleet.site.device_token_path.write_bytes(b"")
        answer = fleet.device.get("/tuf/metadata/timestamp.json")
        assert answer.status_code == 503
        assert str(tmp_path) not in answer.text
