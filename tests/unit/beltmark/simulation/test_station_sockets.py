import http.client
import json
import logging
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from beltmark.contract.catalogue import Product
from beltmark.simulation.control import ControlServer, Divert, Hold, Permit, parse_signal
from beltmark.simulation.mjpeg import MAX_VIEWERS, MjpegServer
from beltmark.simulation.station import SimulatedStation, StationPlan
from beltmark.simulation.world_plan import WorldPlan

PATIENCE_S = 20.0
PRODUCTS = (Product(sku="C", gtin="9521234500018", name="Coffee", class_name="carton"),)


@pytest.fixture
def camera() -> Iterator[MjpegServer]:
    server = MjpegServer()
    server.start()
    yield server
    server.stop()


def test_stream_gives_each_picture_with_length_and_time(camera: MjpegServer) -> None:
    with urllib.request.urlopen(camera.address, timeout=PATIENCE_S) as stream:
        assert "multipart/x-mixed-replace" in stream.headers["Content-Type"]
        for number in range(3):
            camera.latest.publish(f"picture {number}".encode(), 1000.0 + number)
            assert stream.readline().startswith(b"--")
            headers = http.client.parse_headers(stream)
            body = stream.read(int(headers["Content-Length"]))
            stream.readline()
            assert body == f"picture {number}".encode()
            assert float(headers["X-Timestamp"]) == 1000.0 + number
            assert headers["Content-Type"] == "image/jpeg"


def test_snapshot_and_unknown_path(camera: MjpegServer) -> None:
    camera.latest.publish(b"jpeg", 5.0)
    snapshot = camera.address.replace("stream.mjpg", "snapshot.jpg")
    with urllib.request.urlopen(snapshot, timeout=PATIENCE_S) as reply:
        assert reply.read() == b"jpeg"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(camera.address + "x", timeout=PATIENCE_S)


def test_viewers_are_bounded(camera: MjpegServer) -> None:
    camera.latest.publish(b"jpeg", 5.0)
    streams = [
        urllib.request.urlopen(camera.address, timeout=PATIENCE_S) for _ in range(MAX_VIEWERS)
    ]
    for stream in streams:
        stream.readline()
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(camera.address, timeout=PATIENCE_S)
    for stream in streams:
        stream.close()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("PERMIT", Permit()),
        ("HOLD", Hold()),
        ("DIVERT a-1 10.5 20 1700000000.25", Divert("a-1", 10.5, 20.0, 1700000000.25)),
        ("DIVERT a-1 10.5 20", None),
        ("DIVERT a-1 10.5 20 nan", None),
        ("DIVERT a-1 x y z", None),
        ("PERMIT PERMIT", None),
        ("permit", None),
        ("", None),
    ],
)
def test_signals_are_parsed(line: str, expected: Permit | Divert | None) -> None:
    assert parse_signal(line) == expected


def connect(address: str) -> socket.socket:
    host, port = address.removeprefix("tcp://").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_S)


def hangs_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_control_survives_nonsense_and_endless_lines() -> None:
    heard: list[Permit | Divert] = []
    logging.getLogger("beltmark.simulation.control").setLevel(logging.ERROR)
    server = ControlServer(heard.append)
    server.start()
    try:
        with connect(server.address) as endless:
            endless.sendall(b"x" * 5000)
            assert hangs_up(endless)
        with connect(server.address) as sender:
            sender.sendall(b"\xff\xfe what\nPERMIT\r\nDIVERT 7 1 2 3\n")
            deadline = time.monotonic() + PATIENCE_S
            while len(heard) < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
    finally:
        server.stop()
    assert heard == [Permit(), Divert("7", 1.0, 2.0, 3.0)]


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_the_station_runs_by_permit_and_applies_what_the_printer_prints() -> None:
    plan = StationPlan(WorldPlan(seed=1, products=PRODUCTS, speed_px_s=400, foreign_share=0.0))
    with SimulatedStation(plan) as station:
        capture = cv2.VideoCapture(station.addresses["camera"])
        ok, image = capture.read()
        capture.release()
        assert ok
        assert image.shape == (320, 480, 3)
        assert image.max() > image.min() + 20
        wait_for(lambda: len(station.truth()["frames"]) > 3, "no frames")
        assert station.truth()["frames"][-1]["travel_mm"] == 0.0

        with connect(station.addresses["control"]) as control:

            def permitted_until(done: Callable[[dict[str, Any]], bool]) -> bool:
                control.sendall(b"PERMIT\n")
                return done(station.truth())

            with connect(station.addresses["printer"]) as printer:
                printer.sendall(b"^XA^BXN,4,200,,,6,#^FD#1010952123450001821S1^FS^XZ")
                wait_for(lambda: permitted_until(lambda t: bool(t["printed"])), "no label")
            wait_for(lambda: permitted_until(lambda t: t["verdict"]["passed"] > 0), "none passed")
        truth = station.truth()
    assert truth["printed"][0]["gtin"] == "09521234500018"
    # Nothing was at the applicator yet, so the label fell: that is a wrong one.
    assert truth["verdict"]["wrong"] == (truth["printed"][0]["item_id"] is None)


def test_it_ends_by_itself_when_time_is_up_and_the_belt_is_empty() -> None:
    world = WorldPlan(seed=1, products=PRODUCTS, speed_px_s=2000)
    with SimulatedStation(StationPlan(world, seconds=2.0, needs_permit=False)) as station:
        assert station.wait(PATIENCE_S)
        truth = station.truth()
    assert truth["verdict"]["passed"] == len(truth["items"])
    assert all(item["left_at_s"] is not None for item in truth["items"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_writes_its_truth_when_it_is_told_to_end(
    number: signal.Signals, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.json"
    command = [sys.executable, "-m", "beltmark.simulation.cli", "station"]
    options = ["--seed", "3", "--truth", str(truth), "--no-permit"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        assert set(addresses) == {"camera", "control", "printer"}
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 0
    assert json.loads(truth.read_text())["format_version"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["truth.json"]
