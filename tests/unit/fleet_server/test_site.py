import errno
import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from fleet_release import files_in

from beltmark.contract.errors import InputError
from fleet_server.site import init_site, open_site, open_site_database
from fleet_server.storage.fleet import FleetStore
from fleet_server.tokens import is_token


def test_a_new_site_has_all_that_it_needs(tmp_path):
    token = init_site(tmp_path / "site")
    site = open_site(tmp_path / "site")
    assert is_token(token, site.admin_sha256())
    root = json.loads(site.root_path.read_bytes())
    assert (root["signed"]["_type"], root["signed"]["version"]) == ("root", 1)
    assert site.repository().releases() == {}
    engine = open_site_database(site)
    assert FleetStore(engine).releases() == []
    engine.dispose()
    assert list(tmp_path.iterdir()) == [tmp_path / "site"]  # nothing is left beside it


def test_secrets_are_for_their_owner_alone_and_the_admin_token_is_nowhere(tmp_path):
    token = init_site(tmp_path / "site")
    site = open_site(tmp_path / "site")
    for path in (site.folder, site.folder / "keys"):
        assert path.stat().st_mode & 0o777 == 0o700
    secret = [*(site.folder / "keys").iterdir(), site.device_token_path, site.folder / "fleet.toml"]
    assert len(secret) == 4 + 2 + 2 + 2
    for path in secret:
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert not any(token.encode() in content for content in files_in(site.folder).values())
    assert is_token(site.device_token_path.read_text().strip(), site.device_token_sha256())


def test_a_site_can_be_moved(tmp_path):
    init_site(tmp_path / "site")
    (tmp_path / "site").rename(tmp_path / "moved")
    engine = open_site_database(open_site(tmp_path / "moved"))
    assert engine.url.database == str(tmp_path / "moved/fleet.sqlite")
    engine.dispose()


def test_an_empty_folder_becomes_a_site_and_another_stays_as_it_is(tmp_path):
    (tmp_path / "empty").mkdir()
    init_site(tmp_path / "empty")
    assert open_site(tmp_path / "empty")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/photo.jpg").write_bytes(b"mine")
    (tmp_path / "file").write_bytes(b"mine")
    for place in ("full", "file", "empty"):
        before = files_in(tmp_path)
        with pytest.raises(InputError, match="is there already"):
            init_site(tmp_path / place)
        assert files_in(tmp_path) == before


@pytest.mark.parametrize(
    ("database", "told"),
    [
        ("sqlite:////nowhere/at/all/fleet.sqlite", "the folder /nowhere/at/all is not there"),
        ("postgresql://user:secret@127.0.0.1:1/fleet", "the database cannot be used"),
        ("mysql://host/fleet", "of the kind mysql is not known"),
        ("nonsense", "address cannot be read"),
    ],
)
def test_a_database_that_cannot_be_used_leaves_nothing_behind(tmp_path, database, told):
    with pytest.raises(InputError, match=told) as error:
        init_site(tmp_path / "site", database)
    assert "secret" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_on_the_way_leaves_nothing_behind(tmp_path):
    def full_disk() -> float:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        init_site(tmp_path / "site", clock=full_disk)
    assert list(tmp_path.iterdir()) == []


def test_a_database_has_one_site(tmp_path, database_url):
    init_site(tmp_path / "one", database_url)
    with pytest.raises(InputError, match="belongs to another site"):
        init_site(tmp_path / "two", database_url)
    assert not (tmp_path / "two").exists()
    engine = open_site_database(open_site(tmp_path / "one"))
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM facts")).scalar_one() == 2
    engine.dispose()


def test_a_new_admin_token_ends_the_old_one(tmp_path):
    old = init_site(tmp_path / "site")
    site = open_site(tmp_path / "site")
    new = site.renew_admin_token()
    assert is_token(new, site.admin_sha256())
    assert not is_token(old, site.admin_sha256())
    assert (site.folder / "keys/admin-token.sha256").stat().st_mode & 0o777 == 0o600


def test_a_site_is_served_once(tmp_path):
    init_site(tmp_path / "site")
    site = open_site(tmp_path / "site")
    with (
        site.serving(),
        pytest.raises(InputError, match="another server serves this site"),
        open_site(tmp_path / "site").serving(),
    ):
        pass
    with site.serving():
        pass


@pytest.mark.parametrize("name", ["keys/admin-token.sha256", "device-token"])
def test_a_secret_that_was_emptied_lets_nobody_in(tmp_path: Path, name: str):
    init_site(tmp_path / "site")
    site = open_site(tmp_path / "site")
    (site.folder / name).write_bytes(b"\n")
    with pytest.raises(InputError, match="holds no secret"):
        (site.admin_sha256 if "admin" in name else site.device_token_sha256)()


def test_what_is_no_site_is_told(tmp_path):
    with pytest.raises(InputError, match=r"is no site: there is no fleet\.toml"):
        open_site(tmp_path)
