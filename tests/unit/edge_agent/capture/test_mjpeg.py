"""MJPEG over a real socket, as cameras send it and as they should not."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from edge_agent.capture.mjpeg import MjpegReader, NoMjpeg
from edge_agent.capture.shot import SourceBroken

JPEG = cv2.imencode(".jpg", np.full((8, 12, 3), 90, np.uint8))[1].tobytes()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=%s\r\n\r\n"


def part(content: bytes, *headers: bytes, boundary: bytes = b"frame") -> bytes:
    lines = [b"--" + boundary, b"Content-Length: %d" % len(content), *headers, b"", content, b""]
    return b"\r\n".join(lines)


@contextmanager
def camera(answer: bytes, *, hangs: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """Gives an address that answers one request so; and what it was asked."""
    asked: list[bytes] = []
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(65_536))
                connection.sendall(answer)
                if hangs:
                    done.wait(20)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://viewer:pass%20word@127.0.0.1:{server.getsockname()[1]}/s?q=1", asked
        done.set()
        thread.join(20)


def test_pictures_come_with_the_cameras_time_and_damaged_ones_are_passed_over() -> None:
    stream = (
        HEAD % b"frame"
        + part(JPEG, b"Content-Type: image/jpeg", b"X-Timestamp: 12.5")
        + part(b"damaged", b"X-Timestamp: 12.6")
        + part(b"")
        + part(JPEG)
    )
    with camera(stream) as (url, asked):
        reader = MjpegReader(url, 10.0)
        first, second = reader.read(), reader.read()
        assert first.image_bgr.shape == (8, 12, 3)
        assert (first.stamped_at, second.stamped_at) == (12.5, None)
        with pytest.raises(SourceBroken, match="stopped sending"):
            reader.read()
        reader.close()
    assert asked[0].startswith(b"GET /s?q=1 HTTP/1.1")
    assert b"Authorization: Basic dmlld2VyOnBhc3Mgd29yZA==" in asked[0]


@pytest.mark.parametrize("named", [b"frame", b"--frame", b'"frame"'])
def test_a_boundary_is_understood_however_it_is_named(named: bytes) -> None:
    with camera(HEAD % named + part(JPEG)) as (url, _):
        reader = MjpegReader(url, 10.0)
        assert reader.read().image_bgr.mean() == pytest.approx(90, abs=2)
        reader.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n",
        HEAD % b"frame" + b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + JPEG,
    ],
)
def test_another_kind_of_stream_is_left_to_others(answer: bytes) -> None:
    with camera(answer) as (url, _), pytest.raises(NoMjpeg):
        MjpegReader(url, 10.0)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", "401 Unauthorized"),
        (b"SSH-2.0-x\r\n", "does not speak HTTP"),
        (b"", "does not speak HTTP|reset|closed"),
        (HEAD % b"frame" + b"--frame\r\nContent-Length: 99999999999\r\n\r\n", "impossible length"),
        (HEAD % b"frame" + part(JPEG)[:-60], "stopped sending"),
        (HEAD % b"frame" + b"--frame\r\n" + b"A: b\r\n" * 9 + b"".join(
            b"H%d: b\r\n" % n for n in range(99)), "no end"),
        (HEAD % b"frame" + part(b"no picture") * 40, "no picture"),
    ],
)  # fmt: skip
def test_what_a_camera_should_not_send_breaks_off_with_a_reason(answer: bytes, told: str) -> None:
    with camera(answer) as (url, _), pytest.raises(SourceBroken, match=told):
        MjpegReader(url, 10.0).read()


def test_a_camera_that_falls_silent_is_given_up_in_time() -> None:
    with camera(HEAD % b"frame" + part(JPEG), hangs=True) as (url, _):
        reader = MjpegReader(url, 0.2)
        reader.read()
        with pytest.raises(SourceBroken, match="sends nothing"):
            reader.read()
        reader.close()
