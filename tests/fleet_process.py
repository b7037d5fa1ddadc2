"""`beltmark-fleet` as users run it: processes of its own, looked at from outside."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil
from waiting import PATIENCE_S, until

REPOSITORY = Path(__file__).resolve().parents[1]
COMMAND = (sys.executable, "-m", "fleet_server.cli")


def fleet(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """Runs a command to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=3 * PATIENCE_S,  # it loads much, and other tests load, too
    )


def init(site: Path, *options: object) -> str:
    """Makes a site; returns its admin token."""
    done = fleet("init", site, *options)
    assert done.returncode == 0, done.stderr
    found = re.search(r"^admin token: (\S+)$", done.stdout, re.M)
    assert found is not None
    return found[1]


class ServedSite:
    """A site that is served by a process in a session of its own, as a terminal would run it.

    Attributes:
        site: The site's folder.
        url: Where it is served; known once it is.
    """

    def __init__(self, site: Path, *options: object) -> None:
        self.site, self.url = site, ""
        self._options = options
        self._log = site.parent / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "ServedSite":
        """Starts it; returns when it says where it is."""
        said = self.site.parent / "serve.out"
        with said.open("wb") as output, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*COMMAND, "serve", str(self.site), *map(str, self._options)],
                cwd=REPOSITORY,
                stdout=output,
                stderr=log,
                start_new_session=True,
            )
        process = self._process
        until(lambda: b"\n" in said.read_bytes() or process.poll() is not None, "it is served")
        found = re.match(r"open (http://\S+)/ \(broker (mqtts?://\S+);", said.read_text())
        assert found is not None, self.log
        self.url, self.broker = found[1], found[2]
        return self

    @property
    def log(self) -> str:
        """What all of its processes have said is wrong."""
        return self._log.read_text()

    @property
    def broker_port(self) -> int:
        """Of its broker."""
        return int(self.broker.rpartition(":")[2])

    def end(self, number: signal.Signals = signal.SIGTERM, *, group: bool = False) -> int:
        """Ends it by a signal, which `group` gives to its children, too; returns its exit code."""
        assert self._process is not None
        if group:
            os.killpg(self._process.pid, number)
        else:
            self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Waits until it has ended; returns its exit code."""
        assert self._process is not None
        return self._process.wait(PATIENCE_S)

    def children(self) -> list[psutil.Process]:
        """The processes that it has started."""
        assert self._process is not None
        return psutil.Process(self._process.pid).children(recursive=True)

    def close(self) -> None:
        """Ends it, whatever became of it."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def get(self, path: str, token: str | None = None) -> tuple[int, Any]:
        """Asks for something; returns the status, and what it says if that is JSON."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, content = error.code, error.read()
        try:
            return status, json.loads(content)
        except ValueError:
            return status, None

    def problems(self) -> list[str]:
        """What is wrong with it, by its own word."""
        return self.get("/api/v1/health")[1]["problems"]
