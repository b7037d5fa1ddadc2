"""Pushes, returns, releases and samples, against a real database."""

import base64

import pytest
import sqlalchemy as sa
from fleet_messages import SENT_AT, Clock, birth
from fleet_pictures import jpeg
from fleet_release import add_approved, files_in, write_release

from beltmark.contract.errors import InputError
from beltmark.contract.sample import SampleUpload
from fleet_server.handlers.releases import ReleaseDesk
from fleet_server.handlers.rollout import UnknownDevice, back, push
from fleet_server.handlers.samples import SampleFolder, take_sample
from fleet_server.releases.repository import ReleaseRepository
from fleet_server.settings import ReleasesSection
from fleet_server.storage.engine import open_database
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.telemetry import TelemetryStore


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'fleet.sqlite'}")
    yield engine
    engine.dispose()


@pytest.fixture
def fleet(engine: sa.Engine, clock: Clock) -> FleetStore:
    telemetry = TelemetryStore(engine, clock)
    for device in ("belt-1", "belt-2"):
        telemetry.take_birth(birth(device=device))
    return FleetStore(engine, clock)


@pytest.fixture
def repository(tmp_path, clock) -> ReleaseRepository:
    for name in ("keys", "repository"):
        (tmp_path / name).mkdir()
    repository = ReleaseRepository(tmp_path / "repository", tmp_path / "keys", clock)
    repository.create()
    return repository


@pytest.fixture
def two_releases(repository, engine, tmp_path) -> None:
    desk = ReleaseDesk(engine, repository, ReleasesSection())
    for name in ("release-1", "release-2"):
        add_approved(desk, write_release(tmp_path / name, name))


@pytest.mark.usefixtures("two_releases")
def test_a_push_tells_each_device_once(fleet):
    asked = push(fleet, ["belt-2", "belt-1", "belt-2"], "release-1", "admin")
    assert [(one.device, one.desired_version, one.release) for one in asked] == [
        ("belt-2", 1, "release-1"),
        ("belt-1", 1, "release-1"),
    ]
    assert [one.device for one in fleet.unpublished()] == ["belt-1", "belt-2"]
    assert fleet.log(1)[0].what == "asked belt-1 to run release-1"


@pytest.mark.usefixtures("two_releases")
def test_nothing_is_asked_if_a_part_of_it_is_not_known(fleet):
    with pytest.raises(UnknownDevice, match="there is no device 'belt-3'"):
        push(fleet, ["belt-1", "belt-3"], "release-1", "admin")
    with pytest.raises(InputError, match="there is no release 'release-9'"):
        push(fleet, ["belt-1"], "release-9", "admin")
    with pytest.raises(InputError, match="there is no device yet"):
        push(fleet, [], "release-1", "admin")
    assert fleet.all_desired() == []


@pytest.mark.usefixtures("two_releases")
def test_back_is_to_the_release_before(fleet):
    push(fleet, ["belt-1"], "release-1", "admin")
    with pytest.raises(InputError, match="no other release was asked of belt-1 before"):
        back(fleet, ["belt-1"], "admin")
    push(fleet, ["belt-1"], "release-2", "admin")
    with pytest.raises(InputError, match="no other release was asked of belt-2 before"):
        back(fleet, ["belt-1", "belt-2"], "admin")
    assert fleet.desired("belt-1").release == "release-2"  # nothing was asked
    (asked,) = back(fleet, ["belt-1"], "admin")
    assert (asked.release, asked.desired_version) == ("release-1", 3)
    with pytest.raises(UnknownDevice):
        back(fleet, ["belt-9"], "admin")


def upload(sample_id: str = "s1", image: bytes | None = None, **said: object) -> SampleUpload:
    sample = {
        "sample_id": sample_id,
        "item_id": "i1",
        "captured_at": SENT_AT,
        "outcome": "REVIEW",
        "reason": "unsure",
        "width_px": 64,
        "height_px": 48,
        "release": "release-1",
        "package_sha256": "a" * 64,
    }
    return SampleUpload.model_validate(
        {"sample": sample | said, "jpeg": base64.b64encode(image or jpeg())}
    )


def test_a_sample_is_kept_once(fleet, tmp_path):
    folder = SampleFolder(tmp_path / "samples", kept=10)
    assert take_sample(fleet, folder, "belt-1", upload())
    assert not take_sample(fleet, folder, "belt-1", upload())
    (kept,) = fleet.samples(9)
    assert kept.sample == upload().sample
    assert folder.path("belt-1", kept.sha256).read_bytes() == jpeg()
    assert len(files_in(tmp_path / "samples")) == 1


def test_an_image_that_was_lost_comes_back_with_a_repeated_sample(fleet, tmp_path):
    folder = SampleFolder(tmp_path / "samples", kept=10)
    take_sample(fleet, folder, "belt-1", upload())
    path = folder.path("belt-1", fleet.samples(1)[0].sha256)
    path.unlink()
    assert not take_sample(fleet, folder, "belt-1", upload())
    assert path.read_bytes() == jpeg()


def test_the_oldest_samples_make_room(fleet, tmp_path, clock):
    folder = SampleFolder(tmp_path / "samples", kept=2)
    for number, more in enumerate([b"", b"a", b"", b"b"]):  # the first and third share an image
        clock.now += 1
        take_sample(fleet, folder, "belt-1", upload(f"s{number}", jpeg(more=more)))
    take_sample(fleet, folder, "belt-2", upload("s0", jpeg(more=b"a")))
    assert [one.sample.sample_id for one in fleet.samples(9, "belt-1")] == ["s3", "s2"]
    assert set(files_in(tmp_path / "samples/belt-1").values()) == {jpeg(), jpeg(more=b"b")}
    assert set(files_in(tmp_path / "samples/belt-2").values()) == {jpeg(more=b"a")}


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (upload(image=b"<svg>"), "the image is no JPEG"),
        (upload(width_px=65), "the image has 64x48 pixels, and 65x48 is said"),
        (
            upload(image=jpeg(20_000, 20_000), width_px=20_000, height_px=20_000),
            "20000x20000 pixels",
        ),
    ],
)
def test_an_image_that_is_not_what_is_said_is_refused(fleet, tmp_path, sent, told):
    with pytest.raises(InputError, match=told):
        take_sample(fleet, SampleFolder(tmp_path / "samples", 10), "belt-1", sent)
    assert not (tmp_path / "samples").exists()


def test_an_identity_has_one_image(fleet, tmp_path):
    folder = SampleFolder(tmp_path / "samples", kept=10)
    take_sample(fleet, folder, "belt-1", upload())
    with pytest.raises(InputError, match="s1 is known with another image"):
        take_sample(fleet, folder, "belt-1", upload(image=jpeg(more=b"other")))
    assert set(files_in(tmp_path / "samples/belt-1").values()) == {jpeg()}


def test_a_stranger_sends_no_samples(fleet, tmp_path):
    with pytest.raises(UnknownDevice):
        take_sample(fleet, SampleFolder(tmp_path / "samples", 10), "stranger", upload())
    assert not (tmp_path / "samples").exists()
