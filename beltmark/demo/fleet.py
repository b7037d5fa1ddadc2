"""The demo's fleet server, set up and driven by the commands that a user has: init, serve, push."""

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from beltmark.contract.documents import read_document, write_document
from beltmark.contract.release import RELEASE, ReleaseDocument
from beltmark.demo.processes import end, free_port, run, start
from beltmark.demo.station import BUNDLED

START_TIMEOUT_S = 30.0
NEXT_RELEASE = "demo-shapes-2"

# What the next release changes, so that one can see it on the labels: a second frame, and a line.
_NEW_ELEMENTS = """
[[elements]]
kind = "box"
x_mm = 1.75
y_mm = 1.75
width_mm = 56.5
height_mm = 36.5
line_mm = 0.25

[[elements]]
kind = "text"
x_mm = 3
y_mm = 22
size_mm = 3
max_width_mm = 33
text = "KEEP DRY"
"""


class DemoFleet:
    """A fleet server with its broker, as one process.

    Args:
        folder: For its files.
    """

    def __init__(self, folder: Path) -> None:
        self._site, self._folder = folder / "site", folder
        self._port, self._broker_port = free_port(), free_port()
        told = run("fleet_server.cli", "init", str(self._site))
        found = re.search(r"admin token: (\S+)", told)
        assert found is not None, told
        self._admin_token = found[1]
        # What the stations begin with, so that a person can push it again.
        self._add_release(BUNDLED / "release")
        self._process: subprocess.Popen[str] = start(
            "fleet_server.cli", "serve", str(self._site), "--port", str(self._port),
            "--embedded-broker", "--broker-port", str(self._broker_port),
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    @property
    def page(self) -> str:
        """Where the operators' page is; opening it signs in."""
        return f"http://127.0.0.1:{self._port}/sign-in?token={self._admin_token}"

    @property
    def section(self) -> str:
        """What a station file says of this fleet."""
        return (
            f'[fleet]\nserver = "http://127.0.0.1:{self._port}"\n'
            f'broker = "mqtt://127.0.0.1:{self._broker_port}"\n'
            f'root = "{self._site / "root.json"}"\n'
            f'token_file = "{self._site / "device-token"}"\n'
            "heartbeat_s = 2\n"
        )

    @property
    def has_ended(self) -> bool:
        """Whether the server has died."""
        return self._process.poll() is not None

    def await_start(self) -> bool:
        """Waits until the server answers; False if it did not start."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and not self.has_ended:
            try:
                with urllib.request.urlopen(
                    f"http://127.0.0.1:{self._port}/api/v1/health", timeout=2
                ):
                    return True
            except urllib.error.HTTPError:
                return True  # it answers, though not everything is well yet
            except OSError:
                time.sleep(0.1)
        return False

    def push_next_release(self) -> str:
        """Makes, approves and pushes a release whose labels look otherwise; returns its name."""
        folder = self._folder / NEXT_RELEASE
        shutil.copytree(BUNDLED / "release", folder)
        document = read_document(folder / RELEASE, ReleaseDocument)
        write_document(folder / RELEASE, document.model_copy(update={"name": NEXT_RELEASE}))
        with (folder / "layouts/item.toml").open("a") as layout:
            layout.write(_NEW_ELEMENTS)
        self._add_release(folder)
        run("fleet_server.cli", "push", str(self._site), NEXT_RELEASE, "--all")
        return NEXT_RELEASE

    def _add_release(self, folder: Path) -> None:
        name = read_document(folder / RELEASE, ReleaseDocument).name
        run("fleet_server.cli", "release", "add", str(self._site), str(folder))
        approve = ("release", "approve", str(self._site), name)
        run("fleet_server.cli", *approve, "--override", "a demonstration; no gate has judged it")

    def running(self) -> dict[str, str]:
        """Asks the server which release each station says that it runs."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/api/v1/devices",
            headers={"Authorization": f"Bearer {self._admin_token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                devices = json.load(answer)
        except (OSError, ValueError):
            return {}
        return {device["device"]: device["release"] or "" for device in devices}

    def end(self) -> None:
        """Ends the server and its broker."""
        end(self._process)
