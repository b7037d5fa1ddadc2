"""A site's server on a socket, and what a device sends it: for who fetches it there."""

import json
import socket
import threading
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import uvicorn
from fleet_messages import batch, birth, item_body, record

from beltmark.contract.sample import Sample, SampleUpload
from beltmark.contract.wire import encode
from fleet_server.app import create_app
from fleet_server.ingest.connection import Condition
from fleet_server.ingest.link import LinkHealth
from fleet_server.site import open_site, open_site_database
from fleet_server.storage.telemetry import TelemetryStore

DEVICE = "belt-1"


class NoLink:
    """The devices are not needed here."""

    health = LinkHealth(Condition(None, 0.0), Condition(None, 0.0), 0, 0)


@contextmanager
def serving_site(folder: Path, labelled_by_hand: Sequence[str] = ()) -> Iterator[str]:
    """Serves a site; of these items a person at the station said what they are."""
    site = open_site(folder)
    engine = open_site_database(site)
    telemetry = TelemetryStore(engine, time.time)
    telemetry.take_birth(birth(device=DEVICE))
    by_hand = [
        record(k, "item", **item_body(item, k, rule="by_hand", reason="labelled by jan as C1"))
        for k, item in enumerate(labelled_by_hand, start=1)
    ]
    if by_hand:
        telemetry.take_batches([batch(by_hand, device=DEVICE)])
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


def upload(address: str, token: str, sample_id: str, jpeg: bytes, **said: object) -> None:
    """Sends a sample as a device does."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    sample = Sample.model_validate(
        {
            "sample_id": sample_id, "item_id": f"i-{sample_id}", "captured_at": 1_790_000_000.5,
            "outcome": "REVIEW", "reason": "not sure", "width_px": image.shape[1],
            "height_px": image.shape[0], "box_xyxy_px": [10, 5, 30, 15], "release": "r7",
            "package_sha256": "0" * 64, "candidates": [{"class_name": "cup", "probability": 0.61}],
            **said,
        }
    )  # fmt: skip
    request = urllib.request.Request(
        f"{address}/api/v1/devices/{DEVICE}/samples",
        encode(SampleUpload(sample=sample, jpeg=b64encode(jpeg))),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status == 201, json.dumps(said)
