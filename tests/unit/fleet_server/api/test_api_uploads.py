"""What devices send: samples and pictures; what is too much, too strange, or does not fit."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from fleet_app import FleetApp, fleet_app, sample_upload
from fleet_messages import SENT_AT
from fleet_pictures import jpeg, png
from fleet_release import files_in

from beltmark.contract.sample import MAX_PICTURE_BYTES, MAX_UPLOAD_BYTES
from fleet_server.api.bodies import MAX_BODY_BYTES, MAX_SAMPLE_BODY_BYTES

SAMPLES = "/api/v1/devices/belt-1/samples"
CROP = "/api/v1/devices/belt-1/items/i1/crop"
LABEL = "/api/v1/devices/belt-1/items/i1/label"


@pytest.fixture
def fleet(tmp_path) -> FleetApp:
    with fleet_app(tmp_path) as made:
        yield made


def stored(fleet) -> dict[str, bytes]:
    return files_in(fleet.site.samples_folder) | files_in(fleet.site.pictures_folder)


def test_a_sample_is_taken_once_and_given_to_people(fleet):
    first = fleet.device.post(SAMPLES, json=sample_upload())
    assert (first.status_code, first.json()) == (201, {"is_new": True})
    again = fleet.device.post(SAMPLES, json=sample_upload())
    assert (again.status_code, again.json()) == (200, {"is_new": False})
    (listed,) = fleet.admin.get("/api/v1/samples").json()
    assert (listed["device"], listed["received_at"]) == ("belt-1", SENT_AT)
    assert listed["sample"]["reason"] == "<script>alert('unsure')</script>"
    image = fleet.admin.get("/api/v1/samples/belt-1/s1/image")
    assert image.content == jpeg()
    assert image.headers["content-type"] == "image/jpeg"
    assert image.headers["x-content-type-options"] == "nosniff"


def test_samples_are_listed_by_device_and_number(fleet):
    for number in range(3):
        fleet.clock.now += 1
        device = f"/api/v1/devices/belt-{1 + number % 2}/samples"
        fleet.device.post(device, json=sample_upload(f"s{number}"))
    samples = fleet.admin.get("/api/v1/samples", params={"limit": 2}).json()
    assert [one["sample"]["sample_id"] for one in samples] == ["s2", "s1"]
    samples = fleet.admin.get("/api/v1/samples", params={"device": "belt-2"}).json()
    assert [one["sample"]["sample_id"] for one in samples] == ["s1"]
    assert fleet.admin.get("/api/v1/samples", params={"limit": 10_001}).status_code == 422
    assert fleet.admin.get("/api/v1/samples", params={"device": "../x"}).status_code == 422


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b"[" * 50_000, "not valid JSON"),
        (json.dumps(sample_upload() | {"version": 9}).encode(), "contract version 9"),
        (json.dumps(sample_upload() | {"jpeg": "not base64!"}).encode(), "jpeg"),
        (json.dumps(sample_upload(reason="\0")).encode(), "NUL"),
        (json.dumps(sample_upload(sample_id="../../x")).encode(), "sample.sample_id"),
        (json.dumps(sample_upload(image=b"<svg>")).encode(), "no JPEG"),
        (json.dumps(sample_upload(width_px=65)).encode(), "64x48 pixels, and 65x48"),
    ],
)
def test_a_sample_that_is_none_is_told(fleet, body, told):
    answer = fleet.device.post(SAMPLES, content=body)
    assert answer.status_code == 422
    assert told in answer.json()["detail"]
    assert stored(fleet) == {}
    assert fleet.fleet.samples(9) == []


def test_the_largest_image_fits_and_one_byte_more_does_not(fleet):
    more = MAX_UPLOAD_BYTES - len(jpeg())
    largest = sample_upload(image=jpeg(more=b"x" * more))
    assert fleet.device.post(SAMPLES, json=largest).status_code == 201
    larger = sample_upload("s2", image=jpeg(more=b"x" * (more + 1)))
    assert fleet.device.post(SAMPLES, json=larger).status_code == 422


def test_pictures_are_taken_and_shown(fleet):
    assert fleet.device.put(CROP, content=jpeg()).status_code == 204
    assert fleet.device.put(LABEL, content=png()).status_code == 204
    for path, content, media_type in ((CROP, jpeg(), "image/jpeg"), (LABEL, png(), "image/png")):
        shown = fleet.admin.get(path)
        assert (shown.status_code, shown.content) == (200, content)
        assert shown.headers["content-type"] == media_type
        assert shown.headers["x-content-type-options"] == "nosniff"
    assert fleet.admin.get(CROP.replace("i1", "i2")).status_code == 404
    assert fleet.admin.get(CROP.replace("crop", "secret")).status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/devices/..%2f..%2fkeys/items/i1/crop",
        "/api/v1/devices/%2e%2e/items/i1/crop",
        "/api/v1/devices/belt-1/items/%2e%2e%2f%2e%2e%2froot/crop",
        "/api/v1/devices/belt-1/items/..%00/crop",
        "/api/v1/devices/belt-1/items/i1/..%2fcrop",
    ],
)
def test_no_name_leads_out_of_its_folder(fleet, path):
    before = files_in(fleet.site.folder)
    assert fleet.device.put(path, content=jpeg()).status_code in (404, 405, 422)
    assert fleet.admin.get(path).status_code in (404, 422)
    assert files_in(fleet.site.folder) == before


def test_a_stranger_of_a_device_fills_no_disk(fleet):
    for answer in (
        fleet.device.put(CROP.replace("belt-1", "stranger"), content=jpeg()),
        fleet.device.post(SAMPLES.replace("belt-1", "stranger"), json=sample_upload()),
    ):
        assert answer.status_code == 404
        assert "there is no device 'stranger'" in answer.json()["detail"]
    assert stored(fleet) == {}


def chunks(total: int) -> Iterator[bytes]:
    """A body that does not say how long it is."""
    for _ in range(total // 1024):
        yield b"x" * 1024


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [
        ("PUT", CROP, MAX_PICTURE_BYTES),
        ("POST", SAMPLES, MAX_SAMPLE_BODY_BYTES),
        ("POST", "/sign-in", MAX_BODY_BYTES),
        ("POST", "/api/v1/devices/belt-1/desired", MAX_BODY_BYTES),
    ],
)
def test_what_is_too_large_is_refused(fleet, method, path, limit):
    client = fleet.admin if "desired" in path else fleet.device
    declared = client.request(method, path, content=b"x" * (limit + 1))
    streamed = client.request(method, path, content=chunks(2 * limit))
    for answer in (declared, streamed):
        assert answer.status_code == 413
        assert answer.headers["connection"] == "close"
        assert str(limit) in answer.json()["detail"]
    assert stored(fleet) == {}


@contextmanager
def full_disk() -> Iterator[None]:
    """The kernel writes no more than a few bytes to any file, as on a disk with no more room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_leaves_nothing_half(fleet):
    with full_disk():
        picture = fleet.device.put(CROP, content=jpeg())
        sample = fleet.device.post(SAMPLES, json=sample_upload())
    for answer in (picture, sample):
        assert answer.status_code == 507
        assert answer.json()["detail"].startswith("the server's disk is full")
    assert stored(fleet) == {}
    assert fleet.fleet.samples(9) == []
    assert fleet.device.put(CROP, content=jpeg()).status_code == 204
    assert fleet.device.post(SAMPLES, json=sample_upload()).status_code == 201


def test_a_full_disk_of_the_database_is_told(fleet):
    with fleet.engine.connect() as connection:
        size = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    @sa.event.listens_for(fleet.engine, "begin")
    def bound(connection):
        connection.exec_driver_sql(f"PRAGMA max_page_count={size}")

    fleet.engine.dispose()
    uploads = (sample_upload(f"s{number}", reason="x" * 2_000) for number in range(100))
    answers = [fleet.device.post(SAMPLES, json=upload) for upload in uploads]
    refused = [answer for answer in answers if answer.status_code != 201]
    assert {answer.status_code for answer in refused} == {507}
    assert "disk is full" in refused[0].json()["detail"]
    # What was taken is whole, and nothing else was.
    assert len(fleet.fleet.samples(200)) == len(answers) - len(refused)
