"""A sync that runs by itself, and a champion that is asked, with a real Label Studio."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx
import pytest
from label_studio_server import REPOSITORY, Server, free_port

from beltmark.contract.errors import InputError
from beltmark.contract.package import load_package
from labeling.cli import main
from labeling.projects import every_task
from labeling.registering import ACTIONS, TITLE
from labeling.studio.connection import Connection, write_connection
from labeling.studio.port import Webhook
from labeling.studio.registry import RegistryClient

pytestmark = [pytest.mark.label_studio, pytest.mark.xdist_group("label_studio")]

PACKAGE = REPOSITORY / "beltmark" / "bundled" / "release" / "package"
LIMIT_S = 120


class Bench:
    """A project of a real server with the champion's classes, and the commands used on it."""

    def __init__(self, server: Server, folder: Path, title: str) -> None:
        self.server, self.folder, self.title = server, folder, title
        self.connection = folder / "connection.json"
        write_connection(self.connection, Connection(address=server.address, token=server.token))
        classes = load_package(PACKAGE).manifest.classes
        (folder / "classes.txt").write_text("\n".join(classes))
        self.images = folder / "images"
        self.images.mkdir()
        assert self.run("project", folder / "classes.txt", "--answers", 2) == 0
        self.client = server.client()
        self.project = next(p.id for p in self.client.projects() if p.title == title)

    def options(self) -> list[str]:
        return ["--title", self.title, "--connection", str(self.connection)]

    def run(self, *arguments: object) -> int:
        return main([*map(str, (arguments[0], *self.options(), *arguments[1:]))])

    def sync(self, *more: object) -> list[str]:
        store, images = self.folder / "store", self.images
        return [*map(str, ("sync", store, "--images", images, "--answers", 2, *more))]

    def add(self, *numbers: int) -> None:
        """Adds pictures of the package; each is another file."""
        for number in numbers:
            picture = cv2.imread(str(PACKAGE / "golden" / f"0{number % 4}.jpg"))
            picture[0, 0] = number
            cv2.imwrite(str(self.images / f"{number}.png"), picture)

    def tasks(self) -> list[dict[str, Any]]:
        return [dict(task) for page in every_task(self.client, self.project) for task in page]

    def answer(self, task: int, result: list[Any]) -> None:
        """Two people answer the same."""
        for as_mara in (False, True):
            self.server.answer(task, result, as_mara=as_mara)

    def backends(self) -> list[Any]:
        return list(self.server.ask("GET", f"/api/ml/?project={self.project}"))

    def webhooks(self) -> list[Any]:
        return list(self.server.ask("GET", f"/api/webhooks/?project={self.project}"))

    def shown(self) -> str:
        return next(p.shown for p in self.client.projects() if p.id == self.project)

    @contextmanager
    def going(self, *arguments: object) -> Iterator["Going"]:
        """Runs a command beside the test; kills it at the end if it still runs."""
        command = [sys.executable, "-m", "labeling.cli", *map(str, arguments), *self.options()]
        log = self.folder / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, cwd=REPOSITORY, stdout=out, stderr=out, env={**os.environ, "TZ": "UTC"}
            )
        try:
            yield Going(process, log)
        finally:
            process.kill()
            process.wait()


class Going:
    """A command that runs."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process, self.log = process, log

    def until(self, text: str, times: int = 1) -> str:
        """Waits until it has told something so many times."""
        wait_for(
            lambda: self.log.read_text().count(text) >= times or self.process.poll() is not None
        )
        told = self.log.read_text()
        assert told.count(text) >= times, told
        return told

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(LIMIT_S)


def wait_for(holds: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < ends_at
        time.sleep(0.05)


MakeBench = Callable[[str], Bench]


@pytest.fixture
def make_bench(label_studio: Server, tmp_path: Path) -> MakeBench:
    def make(title: str) -> Bench:
        return Bench(label_studio, tmp_path, title)

    return make


def test_it_keeps_the_loop_going_and_the_champion_is_asked(make_bench: MakeBench) -> None:
    bench = make_bench("Kept going")
    bench.add(0, 1, 2)
    port = free_port()
    # Without events a round would begin in a day.
    options = ["--package", PACKAGE, "--budget", 3, "--interval", 86_400]
    with bench.going(*bench.sync(*options, "--listen", f"127.0.0.1:{port}")) as going:
        going.until("3 waiting, 0 settled, 0 contested; 3 of 3 tasks made today")
        (backend,) = bench.backends()
        assert (backend["title"], backend["readable_state"]) == (TITLE, "Connected")
        assert backend["url"] == f"http://127.0.0.1:{port}"
        (webhook,) = bench.webhooks()
        assert webhook["url"] == f"http://127.0.0.1:{port}/webhook"
        assert (webhook["send_payload"], bench.shown()) == (False, TITLE)

        # A person asks the champion, then for what is in a box of theirs.
        task = bench.tasks()[0]["id"]
        path = f"/api/ml/{backend['id']}/interactive-annotating"
        asked = {"task": task, "context": {"result": []}}
        data = bench.server.ask("POST", path, asked)["data"]
        assert data["model_version"] == backend["model_version"]
        assert len(data["result"]) > 1
        drawn = {**data["result"][0], "id": "mine"}
        within = bench.server.ask("POST", path, {**asked, "context": {"result": [drawn]}})["data"]
        assert drawn["value"] in [region["value"] for region in within["result"]]
        assert len(within["result"]) < len(data["result"])
        tested = bench.server.ask("POST", f"/api/ml/{backend['id']}/predict/test?random=true")
        assert tested["response"][0]["result"]
        # What was pushed and what is asked are of one version: nothing is predicted twice.
        shown = bench.server.ask("GET", f"/api/projects/{bench.project}/next/")
        assert len(shown["predictions"]) == shown["total_predictions"] == 1

        bench.answer(task, data["result"])
        going.until("2 waiting, 1 settled")
        answers = bench.server.ask("GET", f"/api/tasks/{task}/annotations/")
        bench.server.ask("DELETE", f"/api/annotations/{answers[0]['id']}/")
        going.until("3 waiting, 0 settled", times=2)
        assert going.end(signal.SIGTERM) == 0
        told = going.until("ended")
    assert "Traceback" not in told
    assert [each["is_active"] for each in bench.webhooks()] == [False]
    assert bench.shown() == backend["model_version"]


def test_a_backend_is_registered_once_and_moves_with_its_address(make_bench: MakeBench) -> None:
    bench = make_bench("Backend")
    bench.add(0)
    assert bench.run("push", bench.images) == 0  # without predictions
    ports = [free_port(), free_port()]
    ids = set()
    for port in ports:
        with bench.going("backend", "--package", PACKAGE, "--port", port) as going:
            going.until(f"asks http://127.0.0.1:{port}")
            (backend,) = bench.backends()
            ids.add(backend["id"])
            assert (backend["url"], backend["readable_state"]) == (
                f"http://127.0.0.1:{port}", "Connected",
            )  # fmt: skip
            assert bench.webhooks() == []
            if port == ports[0]:  # Label Studio asks when somebody opens a task
                task = bench.tasks()[0]["id"]
                shown = bench.server.ask("GET", f"/api/tasks/{task}/?project={bench.project}")
                assert shown["predictions"][0]["result"]
                assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 401
                taken = ["backend", "--package", PACKAGE, "--port", port]
                assert bench.run(*taken) == 2
                assert bench.run(*bench.sync("--listen", f"127.0.0.1:{port}")) == 2
            assert going.end(signal.SIGINT) == 0
    assert len(ids) == 1
    registry = RegistryClient(bench.server.address, bench.server.token)
    with pytest.raises(InputError, match="reserved network address"):  # no other machine's
        registry.put_webhook(bench.project, Webhook("http://192.168.1.5/webhook", {}, ACTIONS))


def test_a_sync_that_is_killed_loses_and_doubles_nothing(make_bench: MakeBench) -> None:
    bench = make_bench("Sync killed")
    bench.add(*range(70))
    command = bench.sync("--budget", 60, "--interval", 1)
    with bench.going(*command) as going:
        wait_for(lambda: bench.client.count(bench.project) > 0)
        assert going.end(signal.SIGKILL) == -signal.SIGKILL
    assert bench.run(*command, "--once") == 0
    digests = [task["data"]["sha256"] for task in bench.tasks()]
    assert len(digests) == len(set(digests)) == 60  # the day's budget, killed or not
    assert bench.run(*command, "--once") == 0
    assert bench.client.count(bench.project) == 60


def test_what_is_wrong_is_told_at_once_and_a_server_that_is_away_is_waited_for(
    make_bench: MakeBench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bench = make_bench("Sync faults")
    bench.add(0)
    away = Connection(address=f"http://127.0.0.1:{free_port()}", token=bench.server.token)
    right = Connection(address=bench.server.address, token=bench.server.token)
    write_connection(bench.connection, away)
    with bench.going(*bench.sync()) as going:
        going.until("does it run? (`beltmark-label studio up`)); again in 2 s")
        write_connection(bench.connection, right)  # as `connect` does
        going.until("1 waiting")
        assert bench.run(*bench.sync("--once")) == 2  # two at once would push twice
        assert "another sync works here" in capsys.readouterr().err
        assert going.end(signal.SIGINT) == 0
        assert "Traceback" not in going.until("ended")
    for wrong, told in (
        (["--package", tmp_path], "manifest.json"),
        (["--images", tmp_path / "none"], "no such folder or dataset"),
        (["--listen", "9090"], "is no HOST:PORT"),
        (["--listen", "0.0.0.0:9090"], "give --public URL"),
        (["--once", "--listen", "127.0.0.1:9090"], "leave out"),
        (["--site", "http://127.0.0.1:1"], "give both --site and --token-file"),
        (["--title", "Nobody"], "has no project 'Nobody'"),
    ):
        assert main([*bench.sync(), *bench.options(), *map(str, wrong)]) == 2
        assert told in capsys.readouterr().err
    assert bench.run("project", classes_of_others(tmp_path), "--title", "Others") == 0
    options = ["--package", PACKAGE, "--once", *bench.options(), "--title", "Others"]
    assert main([*bench.sync(), *map(str, options)]) == 2
    assert "knows no class of the project" in capsys.readouterr().err
    write_connection(bench.connection, right.model_copy(update={"token": "0" * 40}))
    assert bench.run(*bench.sync()) == 2
    assert "does not take the token" in capsys.readouterr().err


def classes_of_others(folder: Path) -> Path:
    path = folder / "others.txt"
    path.write_text("bolt\nnut")
    return path
