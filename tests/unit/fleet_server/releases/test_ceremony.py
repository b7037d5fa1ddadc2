"""Keys on media of their own: sharing them out, signing elsewhere, replacing them, losing them.

Judged by `tuf.ngclient`, as a station has it.
"""

import stat
import time
from pathlib import Path

import pytest
from fleet_messages import Clock
from fleet_release import Device, FolderFetcher, files_in, write_release
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata

from beltmark.contract.errors import InputError
from fleet_server.releases.bundling import bundle_release
from fleet_server.releases.ceremony import Medium, rotate, share_out
from fleet_server.releases.files import DiskFiles
from fleet_server.releases.keys import key_paths, read_key
from fleet_server.releases.off_line import drop, export, sign_file, standing, take, told_in
from fleet_server.releases.repository import ReleaseRepository

WORDS = b"four words do very well"


class Site:
    """A repository, media, and stations that look at it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("keys", "repository"):
            (folder / name).mkdir()
        self.repository = ReleaseRepository(folder / "repository", folder / "keys")
        self.root = self.repository.create()
        self.media = [Medium(folder / f"medium-{number}", WORDS) for number in range(3)]

    def share_out(self) -> None:
        share_out(self.repository, 2, self.media)

    def publish(self, name: str) -> bool:
        release = bundle_release(write_release(self.folder / name, name, name.encode()))
        self.repository.keep(release)
        return self.repository.publish(name, release.sha256)

    def sign(self, *numbers: int) -> bool:
        """Carries what waits to some of the media, and brings it back."""
        files = export(self.repository, self.folder / "to-sign")
        for number in numbers:
            for file in files:
                folder = self.media[number].folder
                for key in key_paths(folder, file.stem):
                    sign_file(file, read_key(key, WORDS))
        return take(self.repository, files)

    def names(self, role: str, number: int) -> list[str]:
        keys = key_paths(self.media[number].folder, role)
        return [read_key(key, WORDS).public_key.keyid[:8] for key in keys]

    def fetched(self, name: str, device: str = "device", root: bytes = b"") -> dict | None:
        fetcher = FolderFetcher(self.folder / "repository")
        return Device(fetcher, root or self.root, self.folder / device).fetch(name)

    def version(self) -> int:
        return Metadata.from_bytes(self.repository.root()).signed.version


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def shared(site: Site) -> Site:
    site.publish("first")
    site.share_out()
    return site


def test_shared_out_keys_leave_this_machine_and_are_encrypted(shared, tmp_path):
    assert shared.fetched("first") is not None  # by who trusts the first root
    assert [path.name for path in sorted((tmp_path / "keys").iterdir())] == [
        "snapshot.pem",
        "timestamp.pem",
    ]
    key = tmp_path / "medium-0/root.pem"
    assert b"ENCRYPTED" in key.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(InputError, match="has a passphrase"):
        read_key(key)
    with pytest.raises(InputError, match="the passphrase is not its own"):
        read_key(key, b"another one of this length")


def test_a_release_waits_until_enough_keys_have_signed_it(shared):
    assert not shared.publish("second")
    assert shared.fetched("second") is None
    assert not shared.sign(0)
    assert standing(shared.repository)[-1].endswith("waits: 1 of 2 signatures")
    assert shared.fetched("second") is None
    assert shared.sign(2)
    assert shared.fetched("second") == files_in(shared.folder / "second")


def test_what_is_added_to_what_waits_must_be_signed_anew(shared):
    shared.publish("second")
    shared.sign(0)
    shared.publish("third")
    assert not shared.sign(1)
    assert shared.sign(0)
    assert shared.fetched("second") is not None
    assert shared.fetched("third") is not None
    assert not shared.repository.withdraw("second")
    assert shared.sign(0, 1)
    assert shared.fetched("second") is None


def test_who_signs_sees_what(shared):
    shared.publish("second")
    (file,) = export(shared.repository, shared.folder / "to-sign")
    assert told_in(file)[1] == "  releases: first, second"
    with pytest.raises(InputError, match="is nothing to be signed"):
        told_in(write_release(shared.folder / "r") / "release.json")


def test_another_thing_than_what_waits_is_not_taken(shared):
    shared.publish("second")
    files = export(shared.repository, shared.folder / "to-sign")
    shared.publish("third")
    with pytest.raises(InputError, match="is not what waits for signatures of targets"):
        take(shared.repository, files)


def test_a_key_that_nobody_trusts_signs_nothing(shared, tmp_path):
    shared.publish("second")
    (file,) = export(shared.repository, tmp_path / "to-sign")
    sign_file(file, read_key(tmp_path / "medium-0/root.pem", WORDS))  # of another role
    with pytest.raises(InputError, match="may not sign targets"):
        take(shared.repository, [file])
    drop(shared.repository)
    with pytest.raises(InputError, match="nothing waits for signatures"):
        export(shared.repository, tmp_path / "to-sign")


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp"])
def test_each_role_is_rotated_where_its_keys_are_on_this_machine(site, role):
    site.publish("first")
    site.fetched("first")
    before = key_paths(site.folder / "keys", role)[0].read_bytes()
    assert rotate(site.repository, role, (), (), are_lost=False)
    (after,) = key_paths(site.folder / "keys", role)
    assert after.read_bytes() != before
    assert site.fetched("first") is not None
    assert site.publish("second")
    assert site.fetched("second") is not None
    assert site.fetched("second", "that was away") is not None


@pytest.mark.parametrize("role", ["root", "targets"])
def test_a_lost_key_is_replaced_by_those_that_are_left(shared, role):
    shared.fetched("first", "that was away")
    (lost,) = shared.names(role, 1)
    spare = Medium(shared.folder / "medium-3", WORDS)
    assert not rotate(shared.repository, role, [lost], [spare], are_lost=True)
    shared.media[1] = spare
    assert shared.sign(0, 2)
    assert lost not in "".join(standing(shared.repository))
    shared.publish("second")
    assert shared.sign(0, 1 if role == "targets" else 2)  # the new one signs
    assert shared.fetched("second", "that was away") is not None


@pytest.mark.parametrize("role", ["snapshot", "timestamp"])
def test_a_role_of_this_machine_is_rotated_with_the_root_elsewhere(shared, role):
    assert not rotate(shared.repository, role, (), (), are_lost=False)
    assert shared.repository.renew() == ()  # what is signed until then is signed by the old one
    assert shared.fetched("first") is not None
    assert shared.sign(0, 1)
    assert len(key_paths(shared.folder / "keys", role)) == 1
    assert shared.fetched("first") is not None


def test_stations_that_were_away_follow_over_several_roots(shared):
    shared.fetched("first", "that was away")
    for number in range(3):
        (old,) = shared.names("root", number)
        spare = Medium(shared.folder / f"spare-{number}", WORDS)
        rotate(shared.repository, "root", [old], [spare], are_lost=False)
        others = [each for each in range(3) if each != number]
        assert shared.sign(*others)
        shared.media[number] = spare
    assert shared.version() == 5
    assert shared.fetched("first", "that was away") is not None


def test_where_too_many_are_lost_what_is_to_be_done_at_stations_is_told(shared):
    lost = [*shared.names("root", 0), *shared.names("root", 1)]
    spares = [Medium(shared.folder / f"spare-{number}", WORDS) for number in range(2)]
    told = "2 of 3 root keys are lost.*at each station: copy the site's root.json"
    with pytest.raises(InputError, match=told):
        rotate(shared.repository, "root", lost, spares, are_lost=True)
    shared.fetched("first", "with the old root")
    media = [Medium(shared.folder / f"new-{number}", WORDS) for number in range(3)]
    share_out(shared.repository, 2, media, is_anew=True)
    with pytest.raises(RepositoryError):
        shared.fetched("first", "with the old root")
    root = shared.repository.root()
    assert shared.fetched("first", "with the old root", root) is not None
    shared.media = media
    assert not shared.publish("second")
    assert shared.sign(1, 2)
    assert shared.fetched("second", "with the old root", root) is not None


class Died(Exception):  # noqa: N818 - it is what happened
    pass


class MortalFiles(DiskFiles):
    """Dies instead of the write with a number."""

    def __init__(self, writes_left: int) -> None:
        self.writes_left = writes_left

    def write(self, path: Path, content: bytes) -> None:
        if self.writes_left == 0:
            raise Died(path.name)
        self.writes_left -= 1
        super().write(path, content)


def test_a_change_of_keys_that_broke_off_is_gone_on_with(tmp_path):
    """Wherever the writer dies, the next one finds keys and metadata that fit each other."""
    number, has_died = 0, True
    while has_died:
        folder = tmp_path / str(number)
        folder.mkdir()
        site = Site(folder)
        site.publish("first")
        files = MortalFiles(number)
        mortal = ReleaseRepository(folder / "repository", folder / "keys", time.time, files)
        try:
            rotate(mortal, "timestamp", (), (), are_lost=False)
            has_died = False
        except Died:
            site.repository.renew()  # goes on with it
        assert site.fetched("first") is not None
        drop(site.repository)
        assert site.publish("second")
        number += 1
    assert number > 4


def test_before_it_expires_what_changes_not_is_signed_anew(tmp_path):
    site = Site(tmp_path)
    site.share_out()
    clock = Clock(time.time() + 330 * 24 * 3600)
    later = ReleaseRepository(tmp_path / "repository", tmp_path / "keys", clock)
    before = later.expiries()
    assert site.repository.due_elsewhere() == []
    assert later.renew() == ("snapshot", "timestamp")  # the others are not here
    assert [told.split()[0] for told in later.due_elsewhere()] == ["root", "targets"]
    files = export(later, tmp_path / "to-sign", ("root", "targets"))
    for file in files:
        for medium in site.media[:2]:
            sign_file(file, read_key(medium.folder / f"{file.stem}.pem", WORDS))
    assert take(later, files)
    assert all(later.expiries()[role] > before[role] for role in ("root", "targets"))
