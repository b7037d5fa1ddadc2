"""The repository, as the site changes it and as a device with `tuf.ngclient` sees it."""

import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fleet_messages import Clock
from fleet_release import Device, FolderFetcher, files_in, write_release
from tuf.api.exceptions import (
    BadVersionNumberError,
    ExpiredMetadataError,
    RepositoryError,
)

from beltmark.contract.bundle import blob_target, bundle_target
from beltmark.contract.errors import InputError
from fleet_server.releases.bundling import BundledRelease, bundle_release
from fleet_server.releases.expiry import LIFETIMES
from fleet_server.releases.files import DiskFiles, locked
from fleet_server.releases.repository import ReleaseRepository

DAY_S = 24 * 3600.0


class Site:
    """A repository in a folder, and devices that look at it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder, self.clock = folder, clock
        (folder / "keys").mkdir(parents=True)
        (folder / "repository").mkdir()
        self.root = self.open().create()

    def open(self, files: DiskFiles | None = None) -> ReleaseRepository:
        return ReleaseRepository(
            self.folder / "repository", self.folder / "keys", self.clock, files
        )

    def add(self, release: BundledRelease, files: DiskFiles | None = None) -> None:
        """Keeps a release and signs it."""
        repository = self.open(files)
        repository.keep(release)
        assert repository.publish(release.bundle.release, release.sha256)

    def device(self, name: str = "device") -> Device:
        fetcher = FolderFetcher(self.folder / "repository")
        return Device(fetcher, self.root, self.folder / name)

    def metadata(self, name: str) -> Path:
        return self.folder / "repository/metadata" / name


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())  # python-tuf's client has no other clock than the real one


@pytest.fixture
def site(tmp_path: Path, clock: Clock) -> Site:
    return Site(tmp_path / "site", clock)


class Died(Exception):  # noqa: N818 - it is what happened
    pass


class MortalFiles(DiskFiles):
    """Dies instead of the write with a number; the process that comes after it sees the rest."""

    def __init__(self, writes_left: int) -> None:
        self.writes_left = writes_left

    def write(self, path: Path, content: bytes) -> None:
        if self.writes_left == 0:
            raise Died(path.name)
        self.writes_left -= 1
        super().write(path, content)


def test_a_device_gets_the_files_of_a_release(site, tmp_path):
    folder = write_release(tmp_path / "r")
    device = site.device()
    assert device.fetch("release-1") is None
    site.add(bundle_release(folder))
    assert device.fetch("release-1") == files_in(folder)


def test_several_releases_share_what_is_alike(site, tmp_path):
    site.add(bundle_release(write_release(tmp_path / "one")))
    before = len(list(site.folder.glob("repository/targets/blobs/*")))
    second = write_release(tmp_path / "two", "release-2")
    site.add(bundle_release(second))
    assert len(list(site.folder.glob("repository/targets/blobs/*"))) == before + 1  # release.json
    assert site.device().fetch("release-2") == files_in(second)
    assert set(site.open().releases()) == {"release-1", "release-2"}


def test_the_same_release_again_changes_nothing(site, tmp_path):
    bundled = bundle_release(write_release(tmp_path / "r"))
    site.add(bundled)
    before = files_in(site.folder)
    site.add(bundled)
    assert files_in(site.folder) == before


def test_a_name_has_one_content(site, tmp_path):
    site.add(bundle_release(write_release(tmp_path / "one")))
    before = files_in(site.folder)
    other = bundle_release(write_release(tmp_path / "two", model=b"another model"))
    with pytest.raises(InputError, match="release-1 is known with other content"):
        site.add(other)
    assert files_in(site.folder) == before


def test_a_damaged_blob_is_completed_by_adding_again(site, tmp_path):
    folder = write_release(tmp_path / "r")
    bundled = bundle_release(folder)
    site.add(bundled)
    blob = (
        site.folder
        / "repository/targets"
        / blob_target(bundled.bundle.files["package/model.onnx"].sha256)
    )
    blob.write_bytes(b"rot")
    site.add(bundled)
    assert site.device().fetch("release-1") == files_in(folder)


def writes_of_adding(tmp_path: Path) -> int:
    """How many writes the addition of a second release makes."""
    folder = tmp_path / "counted"
    site = Site(folder / "site", Clock(time.time()))
    site.add(bundle_release(write_release(folder / "one")))
    files = MortalFiles(1_000)
    second = write_release(folder / "two", "release-2", b"another model")
    site.add(bundle_release(second), files)
    return 1_000 - files.writes_left


def test_whenever_the_writer_dies_the_repository_is_valid_and_the_addition_can_be_completed(
    tmp_path,
):
    count = writes_of_adding(tmp_path)
    assert count >= 3 + 3 + 1  # three kinds of metadata, changed files, the bundle
    for number in range(count):
        folder = tmp_path / str(number)
        site = Site(folder / "site", Clock(time.time()))
        first = write_release(folder / "one")
        second = write_release(folder / "two", "release-2", b"another model")
        device = site.device()
        site.add(bundle_release(first))
        assert device.fetch("release-1") == files_in(first)
        with pytest.raises(Died):
            site.add(bundle_release(second), MortalFiles(number))
        # A device that has looked before, and one that has not: neither sees a half of it.
        for one in (device, site.device("new")):
            assert one.fetch("release-2") is None
            assert one.fetch("release-1") == files_in(first)
        assert site.open().renew() == ()
        site.add(bundle_release(second))
        for one in (device, site.device("new")):
            assert one.fetch("release-2") == files_in(second)


def test_a_release_that_was_changed_after_a_death_before_it_was_signed_is_added(site, tmp_path):
    """What no metadata names was never published: the name is still free."""
    folder = write_release(tmp_path / "r")
    writes = len(files_in(folder)) + 1
    with pytest.raises(Died, match=r"targets\.json"):
        site.add(bundle_release(folder), MortalFiles(writes))
    changed = write_release(tmp_path / "changed", model=b"another model")
    site.add(bundle_release(changed))
    assert site.device().fetch("release-1") == files_in(changed)


def test_a_repository_of_before_is_refused_by_a_device_that_has_seen_newer(site, tmp_path):
    site.add(bundle_release(write_release(tmp_path / "one")))
    shutil.copytree(site.folder / "repository", tmp_path / "kept")
    site.add(bundle_release(write_release(tmp_path / "two", "release-2")))
    device = site.device()
    assert device.fetch("release-2") is not None
    shutil.rmtree(site.folder / "repository")
    shutil.copytree(tmp_path / "kept", site.folder / "repository")
    with pytest.raises(BadVersionNumberError):
        device.fetch("release-1")


@pytest.mark.parametrize("role", ["timestamp.json", "2.snapshot.json", "2.targets.json"])
def test_metadata_that_was_tampered_with_is_refused_by_both_sides(site, tmp_path, role):
    site.add(bundle_release(write_release(tmp_path / "r")))
    path = site.metadata(role)
    path.write_bytes(path.read_bytes().replace(b'"version": 2', b'"version": 3', 1))
    with pytest.raises(RepositoryError):
        site.device().fetch("release-1")
    other = bundle_release(write_release(tmp_path / "two", "release-2"))
    with pytest.raises(InputError, match=r"is damaged|is not signed"):
        site.add(other)  # or the tampering would be signed
    with pytest.raises(InputError):
        site.open().renew()


@pytest.mark.parametrize("which", ["bundle", "model"])
def test_a_target_that_was_tampered_with_is_refused(site, tmp_path, which):
    bundled = bundle_release(write_release(tmp_path / "r"))
    site.add(bundled)
    name = bundle_target("release-1")
    if which == "model":
        name = blob_target(bundled.bundle.files["package/model.onnx"].sha256)
    path = site.folder / "repository/targets" / name
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(RepositoryError):
        site.device().fetch("release-1")


def test_a_stranger_signs_nothing(site, tmp_path):
    stranger = Site(tmp_path / "stranger", site.clock)
    stranger.add(bundle_release(write_release(tmp_path / "r", model=b"evil")))
    shutil.copytree(stranger.folder / "repository", site.folder / "repository", dirs_exist_ok=True)
    with pytest.raises(RepositoryError):
        site.device().fetch("release-1")


def test_the_key_of_another_site_is_told(site, tmp_path):
    stranger = Site(tmp_path / "stranger", site.clock)
    shutil.copyfile(stranger.folder / "keys/targets.pem", site.folder / "keys/targets.pem")
    with pytest.raises(InputError, match=r"targets\.pem: is not the key that the root trusts"):
        site.add(bundle_release(write_release(tmp_path / "r")))
    (site.folder / "keys/targets.pem").write_bytes(b"-----BEGIN NONSENSE")
    with pytest.raises(InputError, match=r"targets\.pem: is no key"):
        site.add(bundle_release(write_release(tmp_path / "r2")))


def test_keys_are_for_their_owner_alone(site):
    assert {path.name for path in (site.folder / "keys").iterdir()} == {
        "root.pem",
        "targets.pem",
        "snapshot.pem",
        "timestamp.pem",
    }
    for path in (site.folder / "keys").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")


def test_metadata_lives_as_long_as_its_role(site, clock):
    now = datetime.fromtimestamp(int(clock.now), UTC)
    assert site.open().expiries() == {role: now + life for role, life in LIFETIMES.items()}
    assert LIFETIMES["timestamp"] == timedelta(days=1)


def test_what_expires_is_refused_by_a_device_until_it_is_renewed(site, tmp_path, clock):
    now = clock.now
    clock.now = now - 2 * DAY_S  # signed two days ago: its timestamp has expired since
    site = Site(tmp_path / "old", clock)
    site.add(bundle_release(write_release(tmp_path / "r")))
    clock.now = now
    device = site.device()
    with pytest.raises(ExpiredMetadataError):
        device.fetch("release-1")
    assert site.open().renew() == ("timestamp",)
    assert device.fetch("release-1") is not None


def test_years_later_everything_is_renewed_and_an_old_device_follows(site, tmp_path, clock):
    now = clock.now
    clock.now = now - 800 * DAY_S
    site = Site(tmp_path / "old", clock)
    device = site.device()
    folder = write_release(tmp_path / "r")
    site.add(bundle_release(folder))
    clock.now = now
    assert site.open().renew() == ("root", "targets", "snapshot", "timestamp")
    assert site.metadata("2.root.json").exists()
    assert device.fetch("release-1") == files_in(folder)
    assert site.open().renew() == ()


@pytest.mark.parametrize("number", range(4))
def test_a_renewal_that_dies_is_made_good_by_the_next(site, tmp_path, clock, number):
    now = clock.now
    clock.now = now - 800 * DAY_S
    site = Site(tmp_path / "old", clock)
    folder = write_release(tmp_path / "r")
    site.add(bundle_release(folder))
    clock.now = now
    with pytest.raises(Died):
        site.open(MortalFiles(number)).renew()
    site.open().renew()
    assert site.device().fetch("release-1") == files_in(folder)
    assert site.open().renew() == ()


def test_a_key_that_was_taken_away_is_missed_only_when_it_is_needed(site, tmp_path, clock):
    (site.folder / "keys/root.pem").unlink()
    (site.folder / "keys/targets.pem").unlink()
    clock.now += 320 * DAY_S
    assert site.open().renew() == ("snapshot", "timestamp")
    clock.now += 50 * DAY_S
    with pytest.raises(InputError, match="the key that signs root is not on this machine"):
        site.open().renew()
    bundled = bundle_release(write_release(tmp_path / "r"))
    site.open().keep(bundled)
    assert not site.open().publish("release-1", bundled.sha256)  # it waits for a signature
    assert site.open().releases() == {}


def test_old_metadata_does_not_pile_up(site, clock):
    for _ in range(30):
        clock.now += 5 * DAY_S
        site.open().renew()
    kept = sorted(path.name for path in (site.folder / "repository/metadata").iterdir())
    assert len(kept) <= 2 + 1 + 10 + 1
    assert "1.root.json" in kept


def test_two_writers_do_not_meet(site, tmp_path):
    with (
        locked(site.folder / "repository/.lock", "busy", "wait"),
        pytest.raises(InputError, match="busy"),
        locked(site.folder / "repository/.lock", "busy", "wait", wait_s=0.1),
    ):
        pass
    with locked(site.folder / "repository/.lock", "busy", "wait"):
        pass


def test_a_missing_repository_is_told(tmp_path):
    (tmp_path / "repository").mkdir()
    repository = ReleaseRepository(tmp_path / "repository", tmp_path / "keys")
    with pytest.raises(InputError, match="there is no repository of releases"):
        repository.expiries()
