"""The closed path: a station's upload, kept by the fleet server itself, becomes a task."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from fleet_uploads import serving_site, upload

from fleet_server.site import init_site, open_site
from labeling.cli import main

JPEG = bytes(cv2.imencode(".jpg", np.full((20, 40, 3), 90, np.uint8))[1])


def test_what_a_station_reviewed_becomes_a_task(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out, token_file = tmp_path / "site", tmp_path / "out", tmp_path / "token"
    token_file.write_text(init_site(folder))
    device_token = open_site(folder).device_token_path.read_text().strip()
    with serving_site(folder) as address:
        arguments = ["samples", address, str(out), "--token-file", str(token_file)]
        assert main(arguments) == 0
        for sample_id in ("s1", "s2"):
            upload(address, device_token, sample_id, JPEG)
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
