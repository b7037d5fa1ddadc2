"""Collecting at a station whose camera is on the network, as a person does it in a browser."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from collected import coded, scene
from waiting import PATIENCE_S, until

from beltmark.datasets.opening import read_dataset
from beltmark.demo.processes import free_port
from beltmark.simulation.mjpeg import MjpegServer

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.xdist_group("collecting")


class Belt:
    """A camera that shows what a test lays before it."""

    def __init__(self) -> None:
        self.server, self._over = MjpegServer(), threading.Event()
        self._seed, self._time = 0, 0.0
        self._thread = threading.Thread(target=self._film)

    def __enter__(self) -> "Belt":
        self.server.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.server.stop()

    def lay(self, seed: int) -> None:
        self._seed = seed

    def _film(self) -> None:
        count = 0
        while not self._over.wait(0.05):
            picture = scene(self._seed)
            picture[0, count % picture.shape[1]] = 255  # no camera sends one picture twice
            self.server.latest.publish(coded(picture), self._time)
            count, self._time = count + 1, self._time + 0.05


@pytest.fixture
def belt() -> Iterator[Belt]:
    with Belt() as belt:
        yield belt


def station_file(folder: Path, belt: Belt) -> Path:
    path = folder / "station.toml"
    path.write_text(
        'format_version = 1\n[station]\nname = "line-1"\nrelease = "r"\ndata = "d"\n'
        f'[camera]\nsource = "{belt.server.address}"\n'
        "[zone]\nrect_xyxy_px = [10, 20, 130, 100]\n"
    )
    return path


class Collecting:
    """`beltmark-label collect` at a station, in a process of its own."""

    def __init__(self, folder: Path, belt: Belt) -> None:
        self.folder, self.port = folder / "c", free_port()
        self.log = folder / "log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "labeling.cli", "collect", str(self.folder),
                    "--station", str(station_file(folder, belt)),
                    "--class-name", "cup", "--class-name", "tube",
                    "--listen", f"127.0.0.1:{self.port}",
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        self.address = f"http://127.0.0.1:{self.port}"
        until(self._answers, "a page")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            httpx.get(self.address)
        except httpx.HTTPError:
            return False
        return True

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def __enter__(self) -> "Collecting":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def sees_the_zone(address: str) -> bool:
    return "Now: sharp" in httpx.get(address).text


def test_pressed_for_each_item_it_is_a_dataset_of_the_zone(tmp_path: Path, belt: Belt) -> None:
    belt.lay(1)
    with Collecting(tmp_path, belt) as collecting:
        until(lambda: sees_the_zone(collecting.address), "a picture")
        with httpx.Client(base_url=collecting.address, follow_redirects=True) as person:
            assert "Collecting" in person.post("/begin", data={"lighting": "yes"}).text
            for seed, class_name in enumerate(("cup", "tube"), 1):
                belt.lay(seed)

                def kept(class_name: str = class_name) -> bool:
                    told = person.post("/capture", data={"class": class_name}).text
                    return f"Kept: {class_name}." in told

                until(kept, "the new picture")
            assert (
                "nearly the same as picture 2"
                in person.post("/capture", data={"class": "tube"}).text
            )
        second = subprocess.run(
            [sys.executable, "-m", "labeling.cli", "collect", str(collecting.folder), "--forget"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert second.returncode == 2
        assert "another process collects into it" in second.stderr
        with httpx.stream("GET", f"{collecting.address}/zone.mjpg") as film:
            assert b"image/jpeg" in next(film.iter_bytes())
            assert collecting.end(signal.SIGTERM) == 0, "who looks on does not hold it up"

    assert "Traceback" not in (tmp_path / "log").read_text()
    dataset = read_dataset(tmp_path / "c")
    assert [dataset.class_names[image.class_index or 0] for image in dataset.images] == [
        "cup", "tube",
    ]  # fmt: skip
    assert {(image.width_px, image.height_px) for image in dataset.images} == {(120, 80)}
    assert len({image.attributes["session"] for image in dataset.images}) == 1
    assert "2 pictures in 1 sessions: 1 cup, 1 tube" in (tmp_path / "log").read_text()


def test_killed_it_has_what_was_kept_and_begins_another_session(tmp_path: Path, belt: Belt) -> None:
    for seed in (1, 2):
        with Collecting(tmp_path, belt) as collecting:
            belt.lay(seed)
            until(lambda at=collecting.address: sees_the_zone(at), "a picture")
            httpx.post(f"{collecting.address}/begin")
            httpx.post(f"{collecting.address}/capture", data={"class": "cup"})
            assert collecting.end(signal.SIGKILL) == -signal.SIGKILL
            assert len(read_dataset(tmp_path / "c").images) == seed

    assert len({image.scene for image in read_dataset(tmp_path / "c").images}) == 2


def test_who_listens_to_others_asks_for_a_pin(tmp_path: Path, belt: Belt) -> None:
    port = free_port()
    with subprocess.Popen(
        [
            sys.executable, "-m", "labeling.cli", "collect", str(tmp_path / "c"),
            "--station", str(station_file(tmp_path, belt)), "--class-name", "cup",
            "--listen", f"0.0.0.0:{port}",
        ],
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert f":{port}/" in process.stdout.readline()
            pin = process.stdout.readline().partition("the PIN ")[2].partition(";")[0]
            assert len(pin) == 10
            address = f"http://127.0.0.1:{port}/"
            transport = httpx.HTTPTransport(retries=5)
            with httpx.Client(transport=transport) as person:
                assert person.get(address).status_code == 401
                assert person.get(address, auth=("me", pin)).status_code == 200
        finally:
            process.kill()


@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium")
def test_in_a_browser_counts_and_warnings_come_without_leaving_the_page(
    tmp_path: Path, belt: Belt
) -> None:
    belt.lay(1)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with Collecting(tmp_path, belt) as collecting, playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.set_default_timeout(1_000 * PATIENCE_S)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(collecting.address)
        for box in page.get_by_role("checkbox").all():
            box.check()
        page.get_by_role("button", name="Begin a session").click()
        page.get_by_text("Now: sharp, and like no other").wait_for()
        page.evaluate("window.isSamePage = true")
        page.get_by_role("button", name="cup").click()
        page.get_by_text("Kept: cup.").wait_for()
        page.get_by_text("1 of 50 · 1 now").wait_for()
        page.get_by_text("Now: it is nearly the same as picture 1, cup").wait_for()
        page.get_by_role("button", name="cup").click()
        page.get_by_role("button", name="Keep it anyway").click()
        page.get_by_text("2 of 50 · 2 now").wait_for()
        page.get_by_role("button", name="Take it back").click()
        page.get_by_text("Taken back: cup.").wait_for()
        assert page.evaluate("document.querySelector('.live-zone').naturalWidth") == 120
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate("window.isSamePage")
        assert not wrong
        browser.close()

    assert len(read_dataset(tmp_path / "c").images) == 1
