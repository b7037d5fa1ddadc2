"""What a device sends over HTTP, to a server of every kind of mood."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mqtt_brokers import free_port

from beltmark.contract.errors import InputError
from edge_agent.device_token import read_token
from edge_agent.uplink.fleet_http import FleetHttp, parse_server


class Server(ThreadingHTTPServer):
    """Answers with a status, and notes what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.text = 201, b""
        self.location: str | None = None
        self.requests: list[tuple[str, str, str | None, bytes]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Who has read enough hangs up."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        server.requests.append((self.command, self.path, self.headers["Authorization"], body))
        self.send_response(server.status)
        if server.location is not None:
            self.send_header("Location", server.location)
        self.send_header("Content-Length", str(len(server.text)))
        self.end_headers()
        self.wfile.write(server.text)

    do_PUT = do_POST  # noqa: N815 - the library's name

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def http(address: str, token: str = "secret") -> FleetHttp:
    return FleetHttp(parse_server(address), lambda: token, read_timeout_s=0.5)


def test_what_is_sent_arrives_with_the_token(server: Server):
    door = http(server.address + "/")
    assert door.send("POST", "/a", b"one", "application/json").fate == "taken"
    assert door.send("PUT", "/b", b"\xff" * 100_000, "image/jpeg").fate == "taken"
    assert server.requests == [
        ("POST", "/a", "Bearer secret", b"one"),
        ("PUT", "/b", "Bearer secret", b"\xff" * 100_000),
    ]


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (200, "taken"),
        (201, "taken"),
        (400, "refused"),
        (413, "refused"),
        (422, "refused"),
        (401, "later"),
        (403, "later"),
        (404, "later"),  # a device that the server has not heard of yet
        (408, "later"),
        (429, "later"),
        (500, "later"),
        (503, "later"),
        (507, "later"),
    ],
)
def test_what_an_answer_means(server: Server, status: int, fate: str):
    server.status, server.text = status, b'{"detail":\n"too\x07 much"}' * 100_000
    answer = http(server.address).send("POST", "/a", b"x", "application/json")
    assert answer.fate == fate
    if fate != "taken":
        assert str(status) in answer.told
        assert "too" in answer.told
        assert answer.told.isprintable()
        assert len(answer.told) < 1_000


def test_the_reason_of_a_refusal_is_told_in_words(server: Server):
    server.status, server.text = 403, b'{"title": "Forbidden", "detail": "the token was used"}'
    answer = http(server.address).send("POST", "/a", b"x", "application/json")
    assert answer.told == "the server answers 403 the token was used"
    for odd in (b"[]", b'{"detail": 1}', b"[" * 60_000):
        server.text = odd
        answer = http(server.address).send("POST", "/a", b"x", "application/json")
        assert odd[:20].decode() in answer.told


def test_nobody_is_followed_to_another_place(server: Server):
    with Server() as other:
        server.status, server.location = 307, f"{other.address}/a"
        assert http(server.address).send("POST", "/a", b"x", "application/json").fate == "later"
        assert len(server.requests) == 1
        assert other.requests == []


def test_nobody_there_and_one_who_says_nothing_are_told():
    answer = http(f"http://127.0.0.1:{free_port()}").send("POST", "/a", b"x", "text/plain")
    assert (answer.fate, "refused" in answer.told) == ("later", True)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"http://127.0.0.1:{mute.getsockname()[1]}"
        answer = http(address).send("POST", "/a", b"x", "text/plain")
    assert (answer.fate, "cannot be reached" in answer.told) == ("later", True)


def test_an_answer_that_is_no_http_is_told():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def babble() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"\x20\x02\x00\x00" * 100)

        thread = threading.Thread(target=babble)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert http(address).send("POST", "/a", b"x", "text/plain").fate == "later"
        thread.join()


def test_an_answer_that_drips_is_cut_off():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(10_000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
                while True:  # until the other side has had enough
                    connection.sendall(b"x")
                    time.sleep(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        answer = http(address).send("POST", "/a", b"x", "text/plain")
        thread.join()
    assert answer.fate == "taken"
    assert 0 < len(answer.content) < 10_000


def test_a_token_that_is_renewed_counts_from_the_next_upload(server: Server, tmp_path: Path):
    path = tmp_path / "device-token"
    door = FleetHttp(server.address, lambda: read_token(path))
    answer = door.send("POST", "/a", b"x", "text/plain")
    assert answer.fate == "later"
    assert "device-token" in answer.told
    path.write_text("first\n")
    door.send("POST", "/a", b"x", "text/plain")
    path.write_text("second\n")
    door.send("POST", "/a", b"x", "text/plain")
    assert [request[2] for request in server.requests] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("content", [b"", b" \n", b"two words", b"\xff\xfe\x00"])
def test_a_file_that_holds_no_token_is_told(tmp_path: Path, content: bytes):
    path = tmp_path / "device-token"
    path.write_bytes(content)
    with pytest.raises(InputError, match="holds no token"):
        read_token(path)


@pytest.mark.parametrize(
    "address", ["host:8000", "ftp://host", "http://", "http://h:99999", "http://h/?q", "http://["]
)
def test_an_address_of_no_server_is_told(address: str):
    with pytest.raises(InputError, match="no address"):
        parse_server(address)


def test_a_password_in_the_server_s_address_is_not_repeated():
    with pytest.raises(InputError) as refused:
        parse_server("https://me:secret@host")
    assert "secret" not in str(refused.value)
