"""`beltmark-label samples` against a server on a socket, well- and ill-behaved."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from beltmark.contract.documents import sha256_of
from beltmark.datasets.opening import read_dataset
from labeling.cli import main

TOKEN = "secret-of-a-test"
JPEG = bytes(cv2.imencode(".jpg", np.full((20, 40, 3), 90, np.uint8))[1])
SAMPLE = {
    "sample_id": "s1", "item_id": "i1", "captured_at": 1_790_000_000.5, "outcome": "REVIEW",
    "reason": "not sure", "width_px": 40, "height_px": 20, "box_xyxy_px": [10, 5, 30, 15],
    "release": "r7", "package_sha256": "0" * 64,
    "candidates": [{"class_name": "cup", "probability": 0.61}],
}  # fmt: skip
LISTED = {"device": "belt-1", "received_at": 1.0, "sha256": sha256_of(JPEG), "sample": SAMPLE}

Answer = Callable[[BaseHTTPRequestHandler], None]


def say(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in ({"Content_Length": str(len(body))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def fleet(handler: BaseHTTPRequestHandler) -> None:
    """Answers as the fleet server does."""
    if handler.headers["Authorization"] != f"Bearer {TOKEN}":
        say(handler, 401, b"{}")
    elif handler.path == "/site/api/v1/samples?limit=5":
        say(handler, 200, json.dumps([LISTED]).encode())
    elif handler.path == "/site/api/v1/samples/belt-1/s1/image":
        say(handler, 200, JPEG, Content_Type="image/jpeg")
    else:
        say(handler, 404, b"{}")


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/site"
        finally:
            server.shutdown()
            thread.join()


def fetch(address: str, folder: Path, token: str = TOKEN) -> int:
    folder.mkdir(exist_ok=True)
    (folder / "token").write_text(token + "\n")
    return main(
        ["samples", address, str(folder / "out"), "--token-file", str(folder / "token"),
         "--limit", "5"]
    )  # fmt: skip


def test_samples_come_over_http(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(fleet) as address:
        assert fetch(address + "/", tmp_path) == 0
        assert fetch(address, tmp_path) == 0
    out = tmp_path / "out"
    assert (out / "images/belt-1/s1.jpg").read_bytes() == JPEG
    assert len(json.loads((out / "tasks.json").read_text())) == 1
    assert [line.partition(": ")[2] for line in capsys.readouterr().out.splitlines()] == [
        "1 tasks, 1 of them new, 0 samples could not be fetched",
        "1 tasks, 0 of them new, 0 samples could not be fetched",
    ]


def test_a_sample_without_image_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def lost(handler: BaseHTTPRequestHandler) -> None:
        say(handler, 404, b"") if handler.path.endswith("/image") else fleet(handler)

    with serving(lost) as address:
        assert fetch(address, tmp_path) == 1
    assert "belt-1/s1: the server lists it, but has no image" in capsys.readouterr().err


def listing(body: bytes) -> Answer:
    return lambda handler: say(handler, 200, body)


def listing_of(**changes: object) -> Answer:
    return listing(json.dumps([LISTED | changes]).encode())


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    say(handler, 200, b"[", Content_Length="100")
    handler.close_connection = True


def no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"hello\r\n\r\n")
    handler.close_connection = True


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda handler: say(handler, 500, b""), "answered 500"),
        (lambda handler: say(handler, 404, b""), "no fleet server"),
        (listing(b"<html>"), "not JSON"),
        (listing(b"[" * 100_000), "not JSON"),
        (listing(b"{}"), "valid list"),
        (listing_of(device="../../etc"), "0.device: "),
        (listing_of(sample=SAMPLE | {"sample_id": "a/b"}), "0.sample.sample_id: "),
        (listing_of(sha256="x"), "0.sha256: "),
        (cut_off, "broke off"),
        (no_http, "broke off"),
    ],
)
def test_a_server_that_is_none_is_told(
    answer: Answer, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(answer) as address:
        assert fetch(address, tmp_path) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "/site/api/v1/samples?limit=5" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_another_token_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(fleet) as address:
        assert fetch(address, tmp_path, token="another") == 2
    error = capsys.readouterr().err
    assert "answered 401" in error
    assert "--token-file" in error
    assert "another" not in error  # a token is never shown


def test_nobody_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(fleet) as address:
        pass
    assert fetch(address, tmp_path) == 2
    assert "cannot be reached" in capsys.readouterr().err


def test_the_token_does_not_follow_a_redirect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[str | None] = []

    def thief(handler: BaseHTTPRequestHandler) -> None:
        heard.append(handler.headers["Authorization"])
        say(handler, 200, b"[]")

    with (
        serving(thief) as elsewhere,
        serving(lambda handler: say(handler, 302, b"", Location=elsewhere)) as address,
    ):
        assert fetch(address, tmp_path) == 2
    assert heard == []
    assert "answered 302" in capsys.readouterr().err


def test_an_image_without_end_is_cut_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        if handler.path.endswith("/image"):
            say(handler, 200, bytes(5 * 1024 * 1024))
        else:
            fleet(handler)

    with serving(endless) as address:
        assert fetch(address, tmp_path) == 2
    assert "sent more than 4194304 bytes" in capsys.readouterr().err
    assert not (tmp_path / "out" / "images").exists()


def collect(address: str, folder: Path, token: str = TOKEN) -> int:
    (folder / "token").write_text(token)
    return main(
        ["collect", str(folder / "c"), "--site", address, "--token-file", str(folder / "token"),
         "--limit", "5", "--keep-days", "3650"]
    )  # fmt: skip


def test_collect_takes_the_same_samples_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(fleet) as address:
        assert collect(address, tmp_path) == 0
        assert "1 new samples, 0 were there" in capsys.readouterr().out
        assert collect(address, tmp_path) == 0
        assert "0 new samples, 1 were there" in capsys.readouterr().out
        assert collect(address, tmp_path, "wrong") == 2

    (image,) = read_dataset(tmp_path / "c").images
    assert image.path.read_bytes() == JPEG
    assert image.attributes["station"] == "belt-1"
