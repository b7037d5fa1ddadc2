"""The signed repository over HTTP, as a device with `tuf.ngclient` sees it."""

from collections.abc import Iterator

import pytest
from fleet_app import FleetApp, fleet_app
from fleet_release import URL, Device, files_in
from tuf.api.exceptions import DownloadHTTPError, RepositoryError
from tuf.ngclient import FetcherInterface

from beltmark.contract.bundle import Bundle


@pytest.fixture
def fleet(tmp_path) -> FleetApp:
    with fleet_app(tmp_path) as made:
        yield made


class AppFetcher(FetcherInterface):
    """Fetches from the app, in this process."""

    def __init__(self, client) -> None:
        self.client = client

    def _fetch(self, url: str) -> Iterator[bytes]:
        answer = self.client.get(f"/tuf{url.removeprefix(URL)}")
        if answer.status_code != 200:
            raise DownloadHTTPError(answer.text, answer.status_code)
        yield answer.content


def blob_of(fleet, name: str) -> str:
    document = fleet.device.get("/tuf/targets/releases/release-1/bundle.json")
    return f"/tuf/targets/blobs/{Bundle.model_validate_json(document.content).files[name].sha256}"


def test_a_device_gets_a_release(fleet, tmp_path):
    device = Device(AppFetcher(fleet.device), fleet.site.root_path.read_bytes(), tmp_path / "d")
    assert device.fetch("release-2") == files_in(tmp_path / "release-2")
    assert device.fetch("release-9") is None


def test_a_device_without_the_token_gets_none(fleet, tmp_path):
    device = Device(AppFetcher(fleet.stranger), fleet.site.root_path.read_bytes(), tmp_path / "d")
    with pytest.raises(DownloadHTTPError):
        device.fetch("release-1")


def test_a_file_that_was_tampered_with_is_refused_by_the_device(fleet, tmp_path):
    blob = blob_of(fleet, "package/model.onnx").removeprefix("/tuf/")
    path = fleet.site.folder / "repository" / blob
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    device = Device(AppFetcher(fleet.device), fleet.site.root_path.read_bytes(), tmp_path / "d")
    with pytest.raises(RepositoryError):
        device.fetch("release-1")


def test_a_part_of_a_file_can_be_had(fleet):
    path = blob_of(fleet, "package/model.onnx")
    whole = fleet.device.get(path)
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.content == b"release-1" * 40_000
    part = fleet.device.get(path, headers={"Range": "bytes=100000-"})
    assert part.status_code == 206
    assert part.content == whole.content[100_000:]
    assert part.headers["content-range"] == f"bytes 100000-{9 * 40_000 - 1}/{9 * 40_000}"
    same = {"Range": "bytes=5-9", "If-Range": whole.headers["etag"]}
    assert fleet.device.get(path, headers=same).content == whole.content[5:10]
    other = {"Range": "bytes=5-9", "If-Range": '"another"'}
    assert fleet.device.get(path, headers=other).content == whole.content
    assert fleet.device.get(path, headers={"Range": "bytes=999999-"}).status_code == 416
    assert fleet.device.get(path, headers={"Range": "nonsense"}).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/tuf/metadata/..%2f..%2fkeys%2froot.pem",
        "/tuf/metadata/keys",
        "/tuf/metadata/root.json",
        "/tuf/metadata/0.root.json",
        "/tuf/metadata/9.root.json",
        "/tuf/metadata/.lock",
        "/tuf/targets/blobs/..%2f..%2f..%2fdevice-token",
        f"/tuf/targets/blobs/{'A' * 64}",
        f"/tuf/targets/blobs/{'0' * 64}",
        "/tuf/targets/releases/..%2f/bundle.json",
        "/tuf/targets/releases/%2e%2e/bundle.json",
        "/tuf/targets/releases/release-9/bundle.json",
        "/tuf/targets/%2e%2e/metadata/timestamp.json",
    ],
)
def test_nothing_else_can_be_had(fleet, path):
    answer = fleet.device.get(path)
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"
