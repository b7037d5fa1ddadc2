"""A Label Studio of one's own, on this machine alone: started, waited for, ended in order.

Its database, uploads, password and log lie in one folder. It listens on loopback, takes no new
accounts without an invitation, serves no files of the machine but one folder if told so, and asks
no other host for anything. The environment is left to `environment`, tokens to `signing_in`.
"""

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from labeling.studio.client import StudioClient

EMAIL: Final = "beltmark@localhost"
"""The first user."""

_HOST: Final = "127.0.0.1"
_START_LIMIT_S: Final = 900.0
"""The first start makes the database: minutes on a slow machine."""
_END_LIMIT_S: Final = 20.0
_TOLD_CHARACTERS: Final = 400

_NOT_TO_BE_ASKED: Final = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "::/127", "::ffff:0:0/96", "::ffff:0:0:0/96",
    "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:20::/28", "2001:db8::/32",
    "2002::/16", "fc00::/7", "fe80::/10", "ff00::/8",
)  # fmt: skip
"""Networks that the server asks nothing of, whoever tells it to. Label Studio's own list has
loopback too, but there our backend listens."""


@dataclass(frozen=True)
class LocalStudio:
    """A Label Studio that runs here.

    Attributes:
        address: Its URL.
        process: What runs.
    """

    address: str
    process: "subprocess.Popen[bytes]"


@contextmanager
def running(executable: Path, folder: Path, port: int) -> Iterator[LocalStudio]:
    """Runs a Label Studio; gives it once it answers, and ends it at the end.

    Args:
        executable: `label-studio` in its environment.
        folder: Keeps all of it; made if missing.
        port: On loopback.

    Raises:
        InputError: The port is taken, or it does not start; the log's end is told.
    """
    _check_free(port)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    log_path = folder / "log"
    address = f"http://{_HOST}:{port}"
    command = [
        str(executable), "start", "--no-browser", "--data-dir", str(folder / "data"),
        "--internal-host", _HOST, "--port", str(port),
    ]  # fmt: skip
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(folder),
            start_new_session=True,  # a Ctrl-C is for us: we end it in order
        )  # fmt: skip
    try:
        _wait(process, address, log_path)
        yield LocalStudio(address, process)
    finally:
        _end(process)


def is_new(folder: Path) -> bool:
    """Whether a folder has no Label Studio's data yet."""
    return not (folder / "data" / "label_studio.sqlite3").exists()


def password_of(folder: Path) -> str:
    """Returns the first user's password; the first time one is drawn and kept."""
    path = folder / "password"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(12) + "\n")
            file.flush()
            os.fsync(file.fileno())
    return read_bytes(path, limit=1024).decode().strip()


def _environment(folder: Path) -> dict[str, str]:
    # What goes by the environment does not stand in the list of processes.
    return os.environ | {
        "LABEL_STUDIO_USERNAME": EMAIL,
        "LABEL_STUDIO_PASSWORD": password_of(folder),
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "false",
        "USE_DEFAULT_BANNED_SUBNETS": "false",
        "USER_ADDITIONAL_BANNED_SUBNETS": ",".join(_NOT_TO_BE_ASKED),
        "LATEST_VERSION_CHECK": "false",
        "COLLECT_ANALYTICS": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }


def _check_free(port: int) -> None:
    """Makes sure that the port is free: Label Studio itself would silently take another."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise InputError(
                f"port {port} cannot be used: {error.strerror}",
                "does it run already? else give another with --port",
            ) from None


def _wait(process: "subprocess.Popen[bytes]", address: str, log_path: Path) -> None:
    ends_at = time.monotonic() + _START_LIMIT_S
    client = StudioClient(address, "")
    try:
        while True:
            try:
                client.version()
            except InputError as error:
                problem = error.problem
            else:
                return
            if process.poll() is not None:
                problem = f"ended with code {process.returncode}"
            elif time.monotonic() < ends_at:
                time.sleep(0.3)
                continue
            told = log_path.read_bytes()[-_TOLD_CHARACTERS:].decode(errors="replace")
            raise InputError(
                f"Label Studio does not start: {problem}; {' '.join(told.split())}",
                "see the whole log",
                file=log_path,
            )
    finally:
        client.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            try:
                process.wait(_END_LIMIT_S)
            except subprocess.TimeoutExpired:
                continue
    process.wait()
