"""What goes to a Label Studio and what becomes of its answers; the server is a function here."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from beltmark.contract.errors import InputError
from labeling.studio.client import StudioClient
from labeling.studio.connection import (
    Connection,
    check_address,
    read_connection,
    write_connection,
)
from labeling.studio.port import StudioAway, Webhook
from labeling.studio.registry import RegistryClient
from labeling.studio.tokens import check_token, read_token_file

ADDRESS = "http://studio.example"
PERSONAL = "head.payload.signature"


def client(
    answer: Callable[[httpx.Request], httpx.Response], token: str = PERSONAL
) -> StudioClient:
    return StudioClient(ADDRESS, token, httpx.MockTransport(answer))


def test_an_access_token_is_bought_and_bought_anew_when_it_has_run_out() -> None:
    bought: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/token/refresh/":
            assert json.loads(request.content) == {"refresh": PERSONAL}
            bought.append(f"access{len(bought)}")
            return httpx.Response(200, json={"access": bought[-1]})
        if request.headers["Authorization"] != f"Bearer {bought[-1]}" or len(bought) == 1:
            return httpx.Response(401, json={"detail": "run out"})
        return httpx.Response(200, json={"id": 1, "email": "mara@example.org"})

    assert client(answer).user() == "mara@example.org"
    assert len(bought) == 2


def test_a_legacy_token_goes_as_it_is() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Token " + "a" * 40
        return httpx.Response(200, json={"id": 1, "email": "mara@example.org"})

    assert client(answer, "a" * 40).user() == "mara@example.org"


def fail(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("cut", request=request)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(401, json={"detail": "Token is expired"}), "connect` again"),
        (httpx.Response(403, json={"detail": "no"}), "is not allowed: no"),
        (httpx.Response(404), "is not there"),
        (httpx.Response(302, headers={"Location": "http://elsewhere"}), "answered 302"),
        (httpx.Response(400, json={"validation_errors": {"title": ["bad\x1b[31m"]}}), "bad"),
        (httpx.Response(500, text="<html>"), "failed there (500)"),
        (httpx.Response(200, text="<html>"), "not understood"),
        (httpx.Response(200, json={"id": "?"}), "not understood"),
    ],
)
def test_what_goes_wrong_is_one_line(answer: httpx.Response, told: str) -> None:
    with pytest.raises(InputError) as caught:
        client(lambda _: answer, "a" * 40).user()
    assert told in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_read_that_fails_there_is_tried_again_and_a_change_is_not() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        if request.method == "GET" and len(asked) == 2:
            return httpx.Response(200, json={"id": 1, "email": "mara@example.org"})
        return httpx.Response(500, json={"detail": "285"})

    studio = client(answer, "a" * 40)
    assert studio.user() == "mara@example.org"
    with pytest.raises(StudioAway, match="285"):
        studio.remove_task(7)
    assert asked == ["GET", "GET", "DELETE"]


def test_a_connection_that_breaks_off_is_told() -> None:
    with pytest.raises(InputError, match="broke off: cut"):
        client(fail, "a" * 40).user()


def test_images_come_from_this_server_alone() -> None:
    studio = client(lambda _: httpx.Response(404), "a" * 40)
    assert studio.file("/data/upload/1/gone.jpg") is None
    assert studio.file(ADDRESS + "/data/upload/1/gone.jpg") is None


@pytest.mark.parametrize(
    "address",
    [
        "http://elsewhere/data/x.jpg", "/api/users/", "s3://bucket/x.jpg", "file:///etc/passwd", "",
        "/data/../api/users/", "/data/upload/%2e%2e/%2e%2e/api/users/", "/data/%252e%252e/api/",
        "/data/./x", f"{ADDRESS}@elsewhere/data/x.jpg", "//elsewhere/data/x.jpg",
        "/data/x\r\nHost: elsewhere", "/data\\..\\api", f"{ADDRESS}/api/data/", "\ud800",
    ],
)  # fmt: skip
def test_what_is_no_address_of_an_image_is_not_asked_for(address: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    with pytest.raises(InputError, match="no address of an image"):
        client(answer, "a" * 40).file(address)


def test_an_image_without_end_is_cut_short() -> None:
    def parts() -> Iterator[bytes]:
        while True:
            yield bytes(1024 * 1024)

    studio = client(lambda _: httpx.Response(200, content=parts()), "a" * 40)
    with pytest.raises(InputError, match="sent more than"):
        studio.file("/data/upload/1/a.png")


def test_a_server_that_is_away_is_told_from_one_that_refuses() -> None:
    for away in (fail, lambda _: httpx.Response(502)):
        with pytest.raises(StudioAway):
            client(away, "a" * 40).user()
    with pytest.raises(InputError) as caught:
        client(lambda _: httpx.Response(401), "a" * 40).user()
    assert not isinstance(caught.value, StudioAway)


def test_an_address_that_the_server_does_not_call_is_told() -> None:
    told = {"detail": "URL resolves to a reserved network address (block: 10.0.0.0/8)"}
    transport = httpx.MockTransport(lambda _: httpx.Response(403, json=told))
    registry = RegistryClient(ADDRESS, "a" * 40, transport)
    with pytest.raises(InputError, match="SSRF_PROTECTION_ENABLED=false"):
        registry.put_webhook(1, Webhook("http://10.0.0.1:9090/webhook", {}, frozenset()))


@pytest.mark.parametrize("text", ["", "no", "a b.c.d", "ünï.cöd.e", "x" * 100, "a.b.c\nHost: x"])
def test_what_is_no_token_is_refused_and_not_shown(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no token") as caught:
        check_token(text)
    assert len(text) < 5 or text not in str(caught.value)
    path = tmp_path / "token"
    path.write_text(text)
    with pytest.raises(InputError, match="is no token"):
        read_token_file(path)


@pytest.mark.parametrize(
    "address", ["", "studio", "ftp://a", "http://", "http://a:b", "http://u:p@a", "http://a?x", "http://[a"]
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="is no address"):
        check_address(address)


def test_a_connection_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "connection.json"
    with pytest.raises(InputError, match="no Label Studio is known"):
        read_connection(path)
    write_connection(path, Connection(address=ADDRESS, token=PERSONAL))
    assert read_connection(path).address == ADDRESS
    path.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        read_connection(path)
