"""Databases for the fleet's tests: an SQLite file each, and a real PostgreSQL, once per worker."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pg8000.dbapi
import pytest
import sqlalchemy as sa
from mqtt_brokers import free_port

from fleet_server.storage.engine import open_database

_START_TIMEOUT_S = 60.0
_names = count()


@dataclass
class PostgreSQL:
    """A PostgreSQL server of our own on loopback; it can be stopped and started again.

    Attributes:
        port: Where it listens.
    """

    port: int
    _binaries: Path
    _folder: Path
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        settings = [
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            f"unix_socket_directories={self._folder}",
            "fsync=off",
            "max_connections=40",
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *_as_postgres(),
                    self._binaries / "postgres",
                    *("-D", self._folder / "data"),
                    *(word for setting in settings for word in ("-c", setting)),
                ],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                self._connect().close()
            except pg8000.dbapi.Error as error:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    told = (self._folder / "log").read_text(errors="replace")[-2_000:]
                    raise AssertionError(f"PostgreSQL does not start: {error}\n{told}") from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Ends it and cuts off who is connected."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)  # PostgreSQL's immediate shutdown
            try:
                self._process.wait(_START_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def new_database(self, encoding: str = "UTF8") -> str:
        """Makes an empty database; returns its address."""
        name = f"fleet{next(_names)}"
        self.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' "
            "TEMPLATE template0"
        )
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str) -> None:
        connection = self._connect()
        try:
            connection.autocommit = True
            connection.cursor().execute(statement)
        finally:
            connection.close()

    def _connect(self) -> pg8000.dbapi.Connection:
        return pg8000.dbapi.connect("postgres", host="127.0.0.1", port=self.port, timeout=10)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server; the test skips where its binaries are missing."""
    binaries = _find_binaries()
    folder = Path(tempfile.mkdtemp(prefix="beltmark-postgresql-"))
    try:
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        subprocess.run(
            [
                *_as_postgres(),
                binaries / "initdb",
                *("-D", folder / "data", "-U", "postgres", "--auth=trust", "--no-sync"),
            ],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=_START_TIMEOUT_S,
        )
        server = PostgreSQL(free_port(), binaries, folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'fleet.sqlite'}"
    return request.getfixturevalue("postgresql").new_database()


@pytest.fixture
def fleet_engine(database_url: str) -> Iterator[sa.Engine]:
    """An empty fleet's database, of each kind."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()


def _find_binaries() -> Path:
    """Where `initdb` is: on the path, or where Debian puts it; PostgreSQL runs as nobody's root."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in found:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            break
    else:
        pytest.skip("PostgreSQL's initdb and postgres are not on this machine")
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    return folder


def _as_postgres() -> list[str]:
    if os.geteuid() != 0:
        return []
    # It ends with us, even if we are killed.
    ids = ("--reuid=postgres", "--regid=postgres", "--clear-groups")
    return ["setpriv", *ids, "--pdeathsig=KILL"]
