"""The panel of a running agent, driven in a browser: a person labels what the station would not."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from agent_process import AgentProcess
from blob_station import BLUE, FPS, pass_by, picture, write_release, write_station
from waiting import PATIENCE_S, until

from beltmark.demo.processes import free_port
from beltmark.simulation.control import ControlServer
from beltmark.simulation.mjpeg import MjpegServer
from beltmark.simulation.printer import SimulatedPrinter
from beltmark.simulation.verdict import read_marking

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium")


@pytest.fixture
def page() -> Iterator["playwright.Page"]:
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        page = browser.new_page()
        page.set_default_timeout(1_000 * PATIENCE_S)
        yield page
        browser.close()


@pytest.fixture
def camera() -> Iterator[MjpegServer]:
    """Shows one foreign object that passes, and an empty belt ever after."""
    server, is_over = MjpegServer(), threading.Event()

    def film() -> None:
        frames = [*pass_by([]) * 3, *pass_by([BLUE])]
        empty = picture(None, BLUE, 0)
        while not is_over.wait(1 / FPS):
            image = frames.pop(0) if frames else empty
            empty = picture(None, BLUE, int(1_000 * time.time()) % 2**31)
            server.latest.publish(cv2.imencode(".jpg", image)[1].tobytes(), time.time())

    server.start()
    thread = threading.Thread(target=film)
    thread.start()
    yield server
    is_over.set()
    thread.join()
    server.stop()


def test_a_person_labels_an_item_and_the_belt_stands_meanwhile(
    tmp_path: Path, page: "playwright.Page", camera: MjpegServer
) -> None:
    write_release(tmp_path / "release")
    port, relay = free_port(), ControlServer(lambda _: None)
    relay.start()
    with SimulatedPrinter() as printer:
        agent = AgentProcess(
            write_station(
                tmp_path,
                camera.address,
                camera=f'source = "{camera.address}"',
                printer=f'address = "{printer.address}"',
                outputs=f'run_permit = "{relay.address}"',
                panel=f"port = {port}",
            )
        )
        agent.start()
        try:
            page.goto(f"http://127.0.0.1:{port}/")
            card = page.locator("#waiting > li")
            card.get_by_text("not one of the products").wait_for()
            card.get_by_text("Another product").click()
            card.locator("input[name=sku]").fill("TUBE-01")
            card.get_by_role("button", name="Print its label").click()

            taken = page.get_by_role("button", name="I have it on its item")
            taken.wait_for()
            page.get_by_role("heading", name="The belt stands").wait_for()
            until(lambda: len(printer.record) == 1, "the label")
            assert agent.status()["may_run"] is False
            marking = read_marking(printer.record[0].raw)
            assert marking is not None
            assert marking.gtin == "09521234500025"

            page.get_by_text("label printed").first.wait_for()
            taken.click()
            page.get_by_text("No item waits for a person.").wait_for()
            until(lambda: agent.status()["may_run"], "the belt to run again")
            (item,) = agent.items()
            assert (item.outcome, item.sku, item.label_state) == ("PRINT", "TUBE-01", "applied")
        finally:
            agent.stop()
            relay.stop()
