"""The site's folder: where everything of one fleet server lies, how it is made, and its secrets.

    fleet.toml      settings                    device-token    what stations prove themselves with
    fleet.sqlite    unless it is elsewhere      root.json       whom stations trust from the first
    keys/           signing keys, the devices' authority, cookie secret, the admin token's hash
    repository/     signed releases             samples/, pictures/    what stations sent

What the parts do with it is left to them.
"""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from beltmark.contract.documents import read_bytes, sync, write_bytes
from beltmark.contract.errors import InputError
from fleet_server.devices.authority import Authority, open_authority
from fleet_server.releases.files import locked, write_private
from fleet_server.releases.repository import ReleaseRepository
from fleet_server.settings import (
    DEFAULT_DATABASE,
    DatabaseSection,
    FleetFile,
    SiteSection,
    database_url,
    read_settings,
    render_settings,
)
from fleet_server.storage.engine import open_database
from fleet_server.storage.fleet import FleetStore
from fleet_server.tokens import hash_token, new_token

_SETTINGS: Final = "fleet.toml"
_ADMIN_HASH: Final = "admin-token.sha256"
_COOKIE_SECRET: Final = "cookie-secret"
_DEVICE_TOKEN: Final = "device-token"
_SITE_FACT: Final = "site"
_MAX_SECRET_BYTES: Final = 4_096


@dataclass(frozen=True)
class Site:
    """A site's folder.

    Attributes:
        folder: The folder.
        settings: What its `fleet.toml` and the environment say.
    """

    folder: Path
    settings: FleetFile

    @property
    def database_url(self) -> str:
        """The database's address; it may hold a password."""
        return database_url(self.settings.database.url, self.folder)

    @property
    def root_path(self) -> Path:
        """The root that stations trust from the first."""
        return self.folder / "root.json"

    @property
    def device_token_path(self) -> Path:
        """The file with what stations prove themselves with."""
        return self.folder / _DEVICE_TOKEN

    @property
    def samples_folder(self) -> Path:
        """Where samples' images lie, a folder for each device."""
        return self.folder / "samples"

    @property
    def pictures_folder(self) -> Path:
        """Where items' pictures lie, a folder for each device."""
        return self.folder / "pictures"

    def authority(self, clock: Callable[[], float] = time.time) -> Authority:
        """What signs its devices' certificates; sites of before get theirs now.

        Raises:
            InputError: It is damaged.
        """
        return open_authority(self.folder / "keys", self.settings.site.id, clock)

    def repository(self, clock: Callable[[], float] = time.time) -> ReleaseRepository:
        """Its signed releases."""
        return ReleaseRepository(self.folder / "repository", self.folder / "keys", clock)

    # Secrets are read each time: a new one holds at once, and needs no new start.

    def device_token_sha256(self) -> str:
        """Hash of what stations prove themselves with."""
        return hash_token(_read_secret(self.device_token_path))

    def admin_sha256(self) -> str:
        """Hash of what the operator proves themselves with."""
        return _read_secret(self.folder / "keys" / _ADMIN_HASH)

    def cookie_secret(self) -> bytes:
        """With what cookies are made."""
        return _read_secret(self.folder / "keys" / _COOKIE_SECRET).encode()

    def renew_admin_token(self) -> str:
        """Makes a new admin token; the old one, and who signed in with it, are out at once."""
        token = new_token()
        path = self.folder / "keys" / _ADMIN_HASH
        beside = path.with_name(f".{_ADMIN_HASH}.new")
        beside.unlink(missing_ok=True)
        write_private(beside, f"{hash_token(token)}\n".encode())
        os.replace(beside, path)
        sync(path.parent)
        return token

    @contextmanager
    def serving(self) -> Iterator[None]:
        """While this site is served.

        Raises:
            InputError: It is served already.
        """
        mend = "end it first, or look at the page that it serves"
        with locked(self.folder / ".serving", "another server serves this site", mend):
            yield


def init_site(
    folder: Path,
    database: str = DEFAULT_DATABASE,
    clock: Callable[[], float] = time.time,
    company_prefix: str | None = None,
) -> str:
    """Makes a new site, whole or not at all; returns the admin token, which is kept nowhere.

    Args:
        folder: Where; it is not there yet, or empty.
        database: Address of its database; a relative SQLite file lies in the folder.
        clock: Seconds since the epoch.
        company_prefix: GS1 company prefix for SSCCs; None where there are none.

    Raises:
        InputError: The folder is in use, or the database cannot be used, or is another site's.
    """
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("is there already", "give a new or an empty folder", file=folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        token = _fill(beside, database, clock, company_prefix)
        os.rename(beside, folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    sync(folder.parent)
    return token


def open_site(folder: Path) -> Site:
    """Opens a site's folder.

    Raises:
        InputError: It is none, or its settings cannot be used.
    """
    if not (folder / _SETTINGS).is_file():
        raise InputError(
            f"is no site: there is no {_SETTINGS}", "make one with beltmark-fleet init", file=folder
        )
    return Site(folder.resolve(), read_settings(folder / _SETTINGS))


def open_site_database(site: Site) -> sa.Engine:
    """Opens a site's database. An empty one becomes the site's.

    Raises:
        InputError: It cannot be used, or belongs to another site.
        StorageUnavailable: Nothing can be read or written at the moment.
    """
    engine = open_database(site.database_url)
    try:
        _claim(engine, site.settings.site.id)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _fill(
    folder: Path, database: str, clock: Callable[[], float], company_prefix: str | None
) -> str:
    identity, place = SiteSection(id=secrets.token_hex(8)), DatabaseSection(url=database)
    site = Site(folder, FleetFile(site=identity, database=place))
    for name in ("keys", "repository", "samples", "pictures"):
        (folder / name).mkdir(mode=0o700)
    token = new_token()
    write_private(folder / "keys" / _ADMIN_HASH, f"{hash_token(token)}\n".encode())
    write_private(folder / "keys" / _COOKIE_SECRET, f"{new_token()}\n".encode())
    write_private(site.device_token_path, f"{new_token()}\n".encode())
    site.authority(clock)
    settings = render_settings(identity.id, database, company_prefix)
    write_private(folder / _SETTINGS, settings.encode())
    read_settings(folder / _SETTINGS, {})
    write_bytes(site.root_path, site.repository(clock).create())
    open_site_database(site).dispose()
    for path in (folder / "keys", folder):
        sync(path)
    return token


def _claim(engine: sa.Engine, site_id: str) -> None:
    fleet = FleetStore(engine)
    owner = fleet.fact(_SITE_FACT)
    if owner is None:
        fleet.set_fact(_SITE_FACT, site_id)
    elif owner != site_id:
        raise InputError(
            "the database belongs to another site",
            "give each site a database of its own",
            file=engine.url.set(query={}).render_as_string(hide_password=True),
        )


def _read_secret(path: Path) -> str:
    content = read_bytes(path, limit=_MAX_SECRET_BYTES).strip()
    if not content or not content.isascii():
        raise InputError("holds no secret", "restore it from a copy", file=path)
    return content.decode()
