"""The closed path: a station's upload, kept by the fleet server itself, becomes a task."""

import json
import socket
import threading
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import uvicorn
from fleet_messages import birth

from beltmark.contract.sample import Sample, SampleUpload
from beltmark.contract.wire import encode
from fleet_server.app import create_app
from fleet_server.ingest.connection import Condition
from fleet_server.ingest.link import LinkHealth
from fleet_server.site import init_site, open_site, open_site_database
from fleet_server.storage.telemetry import TelemetryStore
from labeling.cli import main

JPEG = bytes(cv2.imencode(".jpg", np.full((20, 40, 3), 90, np.uint8))[1])


class NoLink:
    """The devices are not needed here."""

    health = LinkHealth(Condition(None, 0.0), Condition(None, 0.0), 0, 0)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    site = open_site(folder)
    engine = open_site_database(site)
    TelemetryStore(engine, time.time).take_birth(birth(device="belt-1"))
    server = uvicorn.Server(uvicorn.Config(create_app(site, engine, NoLink()), log_level="error"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # who asks before the server has started waits
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            engine.dispose()


def upload(address: str, token: str, sample_id: str) -> None:
    """Sends a sample as a device does."""
    sample = Sample.model_validate(
        {
            "sample_id": sample_id, "item_id": f"i-{sample_id}", "captured_at": 1_790_000_000.5,
            "outcome": "REVIEW", "reason": "not sure", "width_px": 40, "height_px": 20,
            "box_xyxy_px": [10, 5, 30, 15], "release": "r7", "package_sha256": "0" * 64,
            "candidates": [{"class_name": "cup", "probability": 0.61}],
        }
    )  # fmt: skip
    request = urllib.request.Request(
        f"{address}/api/v1/devices/belt-1/samples",
        encode(SampleUpload(sample=sample, jpeg=b64encode(JPEG))),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status == 201


def test_what_a_station_reviewed_becomes_a_task(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out, token_file = tmp_path / "site", tmp_path / "out", tmp_path / "token"
    token_file.write_text(init_site(folder))
    device_token = open_site(folder).device_token_path.read_text().strip()
    with serving(folder) as address:
        arguments = ["samples", address, str(out), "--token-file", str(token_file)]
        assert main(arguments) == 0
        for sample_id in ("s1", "s2"):
            upload(address, device_token, sample_id)
        assert main(arguments) == 0
        assert main(arguments) == 0
        token_file.write_text(device_token)  # what devices have does not open it
        assert main(arguments) == 2
    told = capsys.readouterr()
    assert [line.partition(": ")[2] for line in told.out.splitlines()] == [
        "0 tasks, 0 of them new, 0 samples could not be fetched",
        "2 tasks, 2 of them new, 0 samples could not be fetched",
        "2 tasks, 0 of them new, 0 samples could not be fetched",
    ]
    assert "answered 401" in told.err
    first, _ = json.loads((out / "tasks.json").read_text())
    assert (out / first["data"]["image"]).read_bytes() == JPEG
    (region,) = first["predictions"][0]["result"]
    assert region["value"]["rectanglelabels"] == ["cup"]
