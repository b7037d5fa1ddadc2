"""From images to agreed annotations and back, with a real Label Studio: nothing lost or doubled."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from fleet_uploads import serving_site, upload
from label_studio_server import MARA, REPOSITORY, Server

from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.opening import read_dataset
from fleet_server.site import init_site, open_site
from labeling.cli import main
from labeling.exporting import predicted_region
from labeling.projects import TAB_TITLE, every_task
from labeling.push import PushPlan, push
from labeling.samples import read_images
from labeling.studio.client import StudioClient
from labeling.studio.connection import Connection, write_connection

pytestmark = [pytest.mark.label_studio, pytest.mark.xdist_group("label_studio")]

PACKAGE = REPOSITORY / "beltmark" / "bundled" / "release" / "package"
WIDTH, HEIGHT = 48, 36
SIZE = (WIDTH, HEIGHT)
CLASSES = ("cup", "tube")


class Bench:
    """A project of a real server, and the commands that are used on it."""

    def __init__(self, server: Server, folder: Path, title: str) -> None:
        self.server, self.folder, self.title = server, folder, title
        self.connection = folder / "connection.json"
        write_connection(self.connection, Connection(address=server.address, token=server.token))
        (folder / "classes.txt").write_text("\n".join(CLASSES))
        assert self.run("project", str(folder / "classes.txt"), "--answers", "2") == 0
        self.client = server.client()
        self.project = next(p.id for p in self.client.projects() if p.title == title)

    def options(self) -> list[str]:
        return ["--title", self.title, "--connection", str(self.connection)]

    def run(self, *arguments: str) -> int:
        return main([*arguments, *self.options()])

    def pull(self, *more: str) -> int:
        return self.run("pull", str(self.folder / "store"), "--answers", "2", *more)

    def images(self, count: int) -> Path:
        folder = self.folder / "images"
        folder.mkdir()
        for k in range(count):
            pixels = np.random.default_rng(k).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
            cv2.imwrite(str(folder / f"{k}.png"), pixels)
        return folder

    def tasks(self) -> list[dict[str, Any]]:
        return [dict(task) for page in every_task(self.client, self.project) for task in page]

    def digests(self) -> list[str]:
        return [task["data"]["sha256"] for task in self.tasks()]


MakeBench = Callable[[str], Bench]


@pytest.fixture
def make_bench(label_studio: Server, tmp_path: Path) -> MakeBench:
    def make(title: str) -> Bench:
        folder = tmp_path / "bench"
        folder.mkdir()
        return Bench(label_studio, folder, title)

    return make


def box(k: int, class_name: str = "cup", **more: Any) -> dict[str, Any]:
    """A region of a box that no float holds exactly in percent."""
    region = predicted_region(f"r{k}", class_name, (1 + k % 7, 2 + k % 5, 17.3, 11.7), SIZE)
    region["value"].update(more)
    return region


def xyxy(k: int) -> tuple[float, float, float, float]:
    return (1 + k % 7, 2 + k % 5, 1 + k % 7 + 17.3, 2 + k % 5 + 11.7)


def test_a_push_that_is_killed_is_gone_on_with(make_bench: MakeBench) -> None:
    bench = make_bench("Killed")
    images = bench.images(110)
    command = [sys.executable, "-m", "labeling.cli", "push", str(images), *bench.options()]
    pushing = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    while not bench.client.count(bench.project):
        assert pushing.poll() is None
        time.sleep(0.05)
    pushing.send_signal(signal.SIGKILL)
    pushing.wait()
    assert 0 < len(bench.digests()) < 110
    assert bench.run("push", str(images)) == 0
    assert len(bench.digests()) == len(set(bench.digests())) == 110


def test_two_pushes_at_once_make_one_task_of_an_image(make_bench: MakeBench) -> None:
    bench = make_bench("At once")
    images = bench.images(60)
    command = [sys.executable, "-m", "labeling.cli", "push", str(images), *bench.options()]
    pushes = [subprocess.Popen(command, cwd=REPOSITORY) for _ in range(2)]
    assert [each.wait() for each in pushes] == [0, 0]
    assert len(bench.digests()) == len(set(bench.digests())) == 60


def test_what_stations_sent_comes_before_a_folder(
    make_bench: MakeBench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench, token = make_bench("Site first"), tmp_path / "token"
    token.write_text(init_site(tmp_path / "site"))
    device_token = open_site(tmp_path / "site").device_token_path.read_text().strip()
    images = bench.images(4)
    with serving_site(tmp_path / "site", ["i1"]) as address:
        for item in ("i0", "i1", "i2"):
            pixels = np.full((20, 40, 3), 40 * int(item[1]), np.uint8)
            jpeg = bytes(cv2.imencode(".jpg", pixels)[1])
            upload(address, device_token, item, jpeg, item_id=item)
        push = ["push", str(images), "--site", address, "--token-file", str(token),
                "--cache", str(tmp_path / "cache")]  # fmt: skip
        assert bench.run(*push, "--budget", "5") == 0
        assert bench.run(*push, "--budget", "5") == 0
        assert bench.run("push", "--site", address) == 2
    chosen = [task["data"]["chosen"] for task in bench.tasks()]
    assert chosen == ["corrected", "reviewed", "reviewed", *["random"] * 4]
    assert len(set(bench.digests())) == 7
    told = capsys.readouterr()
    assert "5 new tasks, 0 images were there, 2 wait" in told.out
    assert "2 new tasks, 5 images were there, 0 wait" in told.out
    assert "give both --site and --token-file" in told.err
    assert bench.run("push") == 2


def test_five_hundred_tasks_two_annotators_a_snapshot(
    make_bench: MakeBench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = make_bench("Five hundred")
    images = bench.images(500)
    assert bench.run("push", str(images), "--package", str(PACKAGE)) == 0
    assert "500 new tasks with predictions of" in capsys.readouterr().out
    assert bench.run("push", str(images)) == 0
    assert "0 new tasks, 500 images were there" in capsys.readouterr().out
    digests = bench.digests()
    assert len(digests) == len(set(digests)) == 500
    assert set(digests) == {sha256_of(path.read_bytes()) for path in images.iterdir()}
    assert {task["overlap"] for task in bench.server.ask(
        "GET", f"/api/tasks?project={bench.project}&page_size=5")["tasks"]} == {2}  # fmt: skip
    shown = bench.server.ask("GET", f"/api/tasks?project={bench.project}&page_size=1&fields=all")
    assert shown["total_predictions"] == 500

    tasks = bench.tasks()[:16]
    for k, task in enumerate(tasks):
        bench.server.answer(task["id"], [box(k)])
        # On three of them Mara has something else.
        maras = [[box(k, "tube")], [], [box(k), box(k + 3, x=60)]][k] if k < 3 else [box(k)]
        bench.server.answer(task["id"], maras, as_mara=True)

    cut = CutOff(4)
    with pytest.raises(InputError, match="cannot be reached"):
        pull_with(bench, cut)
    assert bench.pull() == 0
    told = capsys.readouterr().out
    assert "13 settled, 3 contested" in told
    assert f"beltmark@localhost and {MARA} agree on 13 of 16 images" in told
    assert "1 times: cup or tube" in told
    assert "484 wait for annotations" in told

    dataset = read_dataset(bench.folder / "store@labelled")
    assert dataset.class_names == ("cup", "none_of_these", "tube")
    by_task = {image.attributes["task"]: image for image in dataset.images}
    assert by_task.keys() == {str(task["id"]) for task in tasks[3:]}
    for k, task in enumerate(tasks[3:], start=3):
        image = by_task[str(task["id"])]
        assert sha256_of(image.path.read_bytes()) == task["data"]["sha256"]
        assert image.attributes["annotator"] != image.attributes["agreed_by"]
        (drawn,) = image.objects
        assert drawn.box_xyxy_px == pytest.approx(xyxy(k), abs=1e-4)

    # In the tab of the project, until one is starred.
    views = bench.server.ask("GET", f"/api/dm/views/?project={bench.project}")
    view = next(each["id"] for each in views if each["data"]["title"] == TAB_TITLE)
    assert bench.server.ask("GET", f"/api/tasks?view={view}&project={bench.project}")["total"] == 3
    first = bench.server.ask("GET", f"/api/tasks/{tasks[0]['id']}/annotations/")[0]["id"]
    bench.server.ask("PATCH", f"/api/annotations/{first}/", {"ground_truth": True})
    assert bench.pull() == 0
    told = capsys.readouterr().out
    assert "14 settled, 2 contested" in told
    assert "1 images added, 0 changed, 0 removed" in told
    assert bench.server.ask("GET", f"/api/tasks?view={view}&project={bench.project}")["total"] == 2
    assert bench.pull() == 0
    assert "as it was before" in capsys.readouterr().out


class CutOff(httpx.BaseTransport):
    """A network that is gone after so many requests."""

    def __init__(self, requests: int) -> None:
        self.left = requests
        self.real = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not self.left:
            raise httpx.ConnectError("down", request=request)
        self.left -= 1
        return self.real.handle_request(request)


def pull_with(bench: Bench, transport: httpx.BaseTransport) -> None:
    """A pull into the folder that `pull` goes on with, over a network of one's own."""
    from labeling.kept import Kept  # noqa: PLC0415
    from labeling.pull import pull  # noqa: PLC0415

    project = next(p for p in bench.client.projects() if p.id == bench.project)
    client = StudioClient(bench.server.address, bench.server.token, transport)
    path = bench.folder / "store-pulled" / "tasks.sqlite"
    pull(client, bench.project, Kept(path, f"{project.id} {project.created_at}"))


@pytest.mark.parametrize("requests", [4, 6])
def test_a_server_that_goes_down_in_mid_push_loses_and_doubles_nothing(
    make_bench: MakeBench, requests: int
) -> None:
    bench = make_bench(f"Down after {requests}")
    dataset = read_images(bench.images(60))
    studio = StudioClient(bench.server.address, bench.server.token, CutOff(requests))
    with pytest.raises(InputError, match="cannot be reached"):
        push(studio, bench.project, dataset, PushPlan(500))
    assert push(bench.client, bench.project, dataset, PushPlan(500)).problems == []
    assert len(bench.digests()) == len(set(bench.digests())) == 60
    assert len(bench.client.uploads(bench.project)) == 60


def test_what_is_wrong_is_told_and_the_rest_is_kept(
    make_bench: MakeBench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = make_bench("Faults")
    images = bench.images(6)
    assert bench.run("push", str(images)) == 0
    tasks = bench.tasks()
    results = [
        [box(0)],
        [box(1, rotation=30)],
        [box(2, "never heard of")],
        [box(3)],
        [],  # nothing is on it
    ]
    for task, result in zip(tasks, results, strict=False):
        bench.server.answer(task["id"], result)
    gone = tasks[3]["data"]["image"].removeprefix("/data/")
    (bench.server.media / gone).unlink()
    capsys.readouterr()
    assert bench.run("pull", str(bench.folder / "store")) == 1
    told = capsys.readouterr()
    assert f"task {tasks[1]['id']}, region r1: the box is turned by 30 degrees" in told.err
    assert f"task {tasks[2]['id']}, region r2: 'never heard of' is no class" in told.err
    assert f"task {tasks[3]['id']}: its image is gone from the server" in told.err
    assert len(told.err.splitlines()) == 3
    dataset = read_dataset(bench.folder / "store@labelled")
    assert {image.attributes["task"] for image in dataset.images} == {
        str(tasks[0]["id"]), str(tasks[4]["id"]),
    }  # fmt: skip

    for task in (tasks[1], tasks[2]):  # people mend theirs
        (answer,) = bench.server.ask("GET", f"/api/tasks/{task['id']}/annotations/")
        bench.server.ask("PATCH", f"/api/annotations/{answer['id']}/", {"result": [box(2)]})
    bench.server.ask("DELETE", f"/api/tasks/{tasks[3]['id']}/")
    assert bench.run("pull", str(bench.folder / "store")) == 0
    told = capsys.readouterr()
    assert "1 are gone: 4 settled" in told.out
    assert "2 images added" in told.out


def test_a_class_comes_later_and_one_in_use_stays(
    make_bench: MakeBench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = make_bench("Classes")
    assert bench.run("push", str(bench.images(2))) == 0
    first, second = bench.tasks()
    bench.server.answer(first["id"], [box(0, "tube")])
    classes = bench.folder / "classes.txt"
    classes.write_text("cup\ncarton")
    assert bench.run("project", str(classes)) == 2
    assert "would lose classes that are in use: 'tube' (1 boxes)" in capsys.readouterr().err
    classes.write_text("tube\ncarton")
    assert bench.run("project", str(classes)) == 0
    assert "added carton; removed cup, which nobody used" in capsys.readouterr().out
    bench.server.answer(second["id"], [box(1, "carton")])
    assert bench.run("pull", str(bench.folder / "store")) == 0
    drawn = read_dataset(bench.folder / "store@labelled")
    assert sorted(drawn.class_names[o.class_index] for i in drawn.images for o in i.objects) == [
        "carton", "tube",
    ]  # fmt: skip
