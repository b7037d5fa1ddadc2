"""A real Label Studio for the tests: one for the whole session, on loopback, with people in it.

It is the one of `make .venv-studio/ready`, or that which BELTMARK_LABEL_STUDIO names; `empty` in
its environment is a database without anybody, which saves the minutes of making one.
"""

import functools
import json
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from labeling.studio.client import StudioClient
from labeling.studio.local import EMAIL, password_of, running
from labeling.studio.signing_in import make_token
from labeling.studio.wire import Wire

REPOSITORY = Path(__file__).resolve().parents[1]
DEFAULT = REPOSITORY / ".venv-studio" / "bin" / "label-studio"
READY = REPOSITORY / ".venv-studio" / "ready"
MARA = "mara@example.org"
PASSWORD = "of-a-test-only-1"


@dataclass(frozen=True)
class Server:
    """A running Label Studio with two people, whose tokens these are; `media` has the uploads."""

    address: str
    token: str
    maras_token: str
    media: Path
    email: str = EMAIL

    def client(self) -> StudioClient:
        return StudioClient(self.address, self.token)

    def ask(self, method: str, path: str, body: object = None, *, as_mara: bool = False) -> Any:
        """Asks the server itself, as a browser might."""
        wire = self._wire(self.maras_token if as_mara else self.token)
        content = wire.checked(method, path, {} if body is None else {"json": body})
        return json.loads(content or b"null")

    @functools.cache  # noqa: B019 - one server lives as long as the tests
    def _wire(self, token: str) -> Wire:
        return Wire(self.address, token)

    def answer(self, task: int, result: list[Any], *, as_mara: bool = False, **more: Any) -> int:
        """Annotates a task; returns the annotation's number."""
        body = {"result": result, **more}
        made = self.ask("POST", f"/api/tasks/{task}/annotations/", body, as_mara=as_mara)
        return int(made["id"])


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    executable = Path(os.environ.get("BELTMARK_LABEL_STUDIO") or DEFAULT)
    if not executable.exists() or (executable == DEFAULT and not READY.exists()):
        pytest.skip(f"no Label Studio at {executable} (`make studio` sets it up)")
    folder = tmp_path_factory.mktemp("label_studio")
    empty = executable.parents[1] / "empty"
    if empty.is_dir():
        shutil.copytree(empty, folder / "data")
    with running(executable, folder, free_port()) as local:
        token = make_token(local.address, EMAIL, password_of(folder))
        maras_token = invite(local.address, token, MARA)
        yield Server(local.address, token, maras_token, folder / "data" / "media")


def invite(address: str, token: str, email: str) -> str:
    """Lets another person sign up; returns their token."""
    told = json.loads(Wire(address, token).checked("GET", "/api/invite", {}))
    path = told["invite_url"].removeprefix(address)
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as browser:
        browser.get(path).raise_for_status()
        given = {
            "email": email, "password": PASSWORD, "allow_newsletters": "false",
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        }  # fmt: skip
        done = browser.post(path, data=given, headers={"Referer": f"{address}/user/signup/"})
        assert done.status_code == httpx.codes.FOUND, done.text[:2000]
    return make_token(address, email, PASSWORD)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
