"""The agent on real evidence: recordings, a camera that is unplugged, all kinds of bad input."""

import contextlib
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from blob_station import (
    BLUE,
    CATALOGUE,
    FPS,
    GREEN,
    RED,
    approve,
    pass_by,
    picture,
    write_release,
    write_station,
)

from beltmark.simulation.mjpeg import MjpegServer
from edge_agent.app import open_agent
from edge_agent.cli import main
from edge_agent.settings import read_settings
from edge_agent.step_report import StepReport

PATIENCE_S = 30.0


def write_frames(folder: Path, colours: list[tuple[int, int, int]]) -> Path:
    folder.mkdir()
    for index, image in enumerate(pass_by(colours)):
        cv2.imwrite(str(folder / f"{index:04d}.png"), image)
    return folder


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge_agent.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def items(station: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run("journal", str(station), "--json").stdout.splitlines()]


def status(station: Path) -> dict[str, Any]:
    path = station.parent / "data" / "status.json"
    return dict(json.loads(path.read_text())) if path.exists() else {"camera": {"state": "none"}}


def wait_until(is_so: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_folder_of_pictures_is_labelled_once_each(tmp_path: Path) -> None:
    write_release(tmp_path / "release")
    write_frames(tmp_path / "frames", [RED, GREEN, BLUE, RED])
    station = write_station(tmp_path, "frames")
    done = run("run", str(station))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("PRINT") == 3
    told = [(i["outcome"], i["sku"], i["print_state"]) for i in items(station)]
    assert told == [
        ("PRINT", "CARTON-01", "printed"),
        ("PRINT", "TUBE-01", "printed"),
        ("REVIEW", None, None),
        ("PRINT", "CARTON-01", "printed"),
    ]
    labels = (tmp_path / "labels.zpl").read_text()
    serials = [i["serial"] for i in items(station) if i["serial"]]
    assert labels.count("^XA") == 3
    assert all(serial in labels for serial in serials)


def test_a_picture_that_claims_to_be_gigantic_is_passed_over(tmp_path: Path) -> None:
    write_release(tmp_path / "release")
    frames = write_frames(tmp_path / "frames", [])
    bomb = bytearray(cv2.imencode(".jpg", picture(None, RED, 0))[1].tobytes())
    size = bomb.index(b"\xff\xc0") + 5
    bomb[size : size + 4] = (30_000).to_bytes(2, "big") * 2
    (frames / "0003.jpg").write_bytes(bomb)
    station = write_station(tmp_path, "frames")
    done = run("run", str(station))
    assert done.returncode == 0, done.stderr
    assert "0003.jpg: cannot be read, passed over" in done.stderr
    assert status(station)["camera"]["unreadable"] == 1


def test_a_printer_that_refuses_costs_labels_but_no_item(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    write_release(tmp_path / "release")
    write_frames(tmp_path / "frames", [RED, GREEN])
    printer = f'address = "tcp://127.0.0.1:{port}"\nlabel_deadline_s = 0.3'
    station = write_station(tmp_path, "frames", printer=printer)
    done = run("run", str(station), "--quiet")
    assert done.returncode == 0, done.stderr
    assert [(i["outcome"], i["print_state"]) for i in items(station)] == [("REVIEW", "late")] * 2
    assert "refused" in status(station)["printer"]["told"]
    check = run("check", str(station))
    assert check.returncode == 2
    assert re.search(r"^printer +FAULT .*refused", check.stdout, re.MULTILINE)


class PluggedCamera:
    """A network camera that shows an empty belt, and that can be unplugged and plugged in."""

    def __init__(self, port: int = 0) -> None:
        self._server = MjpegServer(port)
        self._ends, self.sends, self.moves = (threading.Event() for _ in range(3))
        self.sends.set()
        self.moves.set()
        self.address = self._server.address
        self.port = int(self.address.rsplit(":", 1)[1].partition("/")[0])
        self._thread = threading.Thread(target=self._shoot, daemon=True)
        self._server.start()
        self._thread.start()

    def _shoot(self) -> None:
        seed = 0
        while not self._ends.wait(1 / FPS):
            seed += self.moves.is_set()
            jpeg = cv2.imencode(".jpg", picture(None, RED, seed))[1].tobytes()
            if self.sends.is_set():
                self._server.latest.publish(jpeg, time.time())

    def unplug(self) -> None:
        self._ends.set()
        self._thread.join()
        self._server.stop()


@contextmanager
def running(station: Path) -> Iterator[subprocess.Popen[str]]:
    agent = subprocess.Popen(
        [sys.executable, "-m", "edge_agent.cli", "run", str(station)],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield agent
    finally:
        agent.kill()
        agent.wait()


@pytest.mark.long
def test_a_camera_that_is_unplugged_is_told_in_time_and_comes_back(tmp_path: Path) -> None:
    write_release(tmp_path / "release")
    camera = PluggedCamera()
    station = write_station(tmp_path, camera.address)
    with running(station) as agent:
        wait_until(lambda: status(station).get("may_run", False))

        camera.unplug()
        wait_until(lambda: status(station)["camera"]["state"] == "down")
        assert not status(station)["may_run"]
        camera = PluggedCamera(camera.port)
        wait_until(lambda: status(station).get("may_run", False))

        camera.sends.clear()  # the connection stays, nothing comes
        wait_until(lambda: status(station)["camera"]["state"] == "down")
        camera.sends.set()
        wait_until(lambda: status(station).get("may_run", False))

        camera.moves.clear()  # frames come, but it is always the same
        wait_until(lambda: status(station)["problems"] == {"camera": "the picture is frozen"})
        camera.moves.set()
        wait_until(lambda: status(station).get("may_run", False))

        agent.send_signal(signal.SIGTERM)
        _, told = agent.communicate(timeout=PATIENCE_S)
        assert agent.returncode == 0
        assert told.count(": down: ") == 2
        assert told.count(": up again (down ") == 2
    camera.unplug()


def test_check_leaves_a_running_agents_camera_and_printer_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_release(tmp_path / "release")
    camera = PluggedCamera()
    station = write_station(tmp_path, camera.address)
    with running(station):
        wait_until(lambda: status(station).get("may_run", False))
        assert main(["check", str(station)]) == 0
        assert capsys.readouterr().out.count("as the running agent says") == 2
        camera.sends.clear()
        wait_until(lambda: status(station)["camera"]["state"] == "down")
        assert main(["check", str(station)]) == 2
        assert "FAULT" in capsys.readouterr().out
    camera.unplug()


def test_a_thread_that_dies_takes_the_agent_down(tmp_path: Path) -> None:
    write_release(tmp_path / "release")
    write_frames(tmp_path / "frames", [RED])
    station = write_station(tmp_path, "frames", camera='source = "frames"\nloop = true')
    code = (
        "import sys, threading, time\n"
        "from edge_agent.cli import main\n"
        "before = threading.excepthook\n"
        "def die():\n"
        "    while threading.excepthook is before: time.sleep(0.05)\n"
        "    1 / 0\n"
        "threading.Thread(target=die, daemon=True).start()\n"
        f"sys.exit(main(['run', {str(station)!r}, '--quiet']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    assert "died" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_a_loop_that_dies_lets_the_permit_fall_and_closes_the_journal(tmp_path: Path) -> None:
    write_release(tmp_path / "release")
    write_frames(tmp_path / "frames", [RED])
    station = write_station(tmp_path, "frames")

    def fail(report: StepReport) -> None:
        if report.decided:
            raise RuntimeError("a mistake of ours")

    agent = open_agent(read_settings(station, {}), fail)
    assert agent.run() is False
    assert status(station)["problems"] == {"agent": "it is stopping"}
    (item,) = items(station)
    assert item["print_state"] == "printed", "the label in flight is finished"
    open_agent(read_settings(station, {})).run()  # the journal is free again


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def missing_model(folder: Path) -> None:
    (folder / "release/package/model.onnx").unlink()


def corrupt_model(folder: Path) -> None:
    path = folder / "release/package/model.onnx"
    path.write_bytes(path.read_bytes()[:-50])


def model_that_is_none(folder: Path) -> None:
    (folder / "release/package/model.onnx").write_bytes(b"no model")
    approve(folder / "release")


def wrong_shape(folder: Path) -> None:
    approve(folder / "release", input={"height_px": 64, "width_px": 64})


def unknown_version(folder: Path) -> None:
    approve(folder / "release", format_version=9)


def unapproved_package(folder: Path) -> None:
    change(folder / "release/release.json", '"package_sha256": "', '"package_sha256": "00')


def bad_check_digit(folder: Path) -> None:
    change(folder / "release/catalogue.csv", "9521234500018", "9521234500019")


def duplicate_sku(folder: Path) -> None:
    with (folder / "release/catalogue.csv").open("a") as file:
        file.write(CATALOGUE.splitlines()[1] + "\n")


def unknown_layout(folder: Path) -> None:
    change(folder / "release/catalogue.csv", "tube,item", "tube,pallet")


def no_release(folder: Path) -> None:
    change(folder / "station.toml", '"release"', '"elsewhere"')


def unreadable_video(folder: Path) -> None:
    (folder / "belt.mp4").write_bytes(b"no video" * 100)
    change(folder / "station.toml", '"frames"', '"belt.mp4"')


def no_camera(folder: Path) -> None:
    change(folder / "station.toml", '"frames"', '"nowhere"')


def no_printer(folder: Path) -> None:
    change(folder / "station.toml", "file:labels.zpl", "printer.local")


def no_relay(folder: Path) -> None:
    with (folder / "station.toml").open("a") as file:
        file.write('\n[outputs]\nrun_permit = "gpio17"\n')


def damaged_journal(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data/journal.sqlite").write_bytes(b"no database" * 1_000)


def broken_toml(folder: Path) -> None:
    change(folder / "station.toml", "[camera]", "[camera")


BAD_INPUT: list[tuple[Callable[[Path], None], str, str]] = [
    (missing_model, "release", "model.onnx: no such file"),
    (corrupt_model, "release", "model.onnx: content differs from the digest"),
    (model_that_is_none, "model", "model.onnx: the model cannot be loaded"),
    (wrong_shape, "model", "model.onnx: input: 'image' is tensor(uint8) [1, 160, 240, 3]"),
    (unknown_version, "release", "manifest.json: format_version: version 9 is not known"),
    (unapproved_package, "release", "release.json: package_sha256"),
    (bad_check_digit, "release", "catalogue.csv: line 2: gtin: the check digit"),
    (duplicate_sku, "release", "catalogue.csv: line 4: sku: CARTON-01 stands on line 2"),
    (unknown_layout, "release", "sku TUBE-01: layout: no layout 'pallet'"),
    (no_release, "release", "elsewhere: no such release"),
    (unreadable_video, "camera", "belt.mp4: camera.source: cannot be read as a video"),
    (no_camera, "camera", "nowhere: camera.source: no such file or folder"),
    (no_printer, "printer", "station.toml: printer.address: 'printer.local' is no printer"),
    (no_relay, "outputs", "station.toml: outputs.run_permit: 'gpio17' is no signal"),
    (damaged_journal, "journal", "journal.sqlite: the journal cannot be"),
    (broken_toml, "settings", "station.toml: not valid TOML"),
]


@pytest.mark.parametrize(("spoil", "part", "told"), BAD_INPUT)
def test_bad_input_is_one_line_that_names_the_mend(
    spoil: Callable[[Path], None],
    part: str,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_release(tmp_path / "release")
    write_frames(tmp_path / "frames", [])
    station = write_station(tmp_path, "frames")
    spoil(tmp_path)
    assert main(["run", str(station)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert line.endswith(")")
    assert main(["check", str(station)]) == 2
    faults = [x for x in capsys.readouterr().out.splitlines() if "FAULT" in x]
    assert any(fault.startswith(part) and told in fault for fault in faults)


def test_check_of_a_good_station_finds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_release(tmp_path / "release")
    write_frames(tmp_path / "frames", [RED])
    assert main(["check", str(write_station(tmp_path, "frames"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        [part, "ok"]
        for part in (
            *("settings", "release", "model", "labels", "policy"),
            *("camera", "printer", "outputs", "trigger", "journal"),
        )
    ]


def test_check_says_that_the_zone_is_larger_than_the_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_release(tmp_path / "release")
    write_frames(tmp_path / "frames", [])
    station = write_station(tmp_path, "frames", zone="rect_xyxy_px = [0, 0, 640, 480]")
    assert main(["check", str(station)]) == 2
    assert "beyond the picture of 240 x 160" in capsys.readouterr().out


def test_golden_images_that_do_not_agree_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_release(tmp_path / "release")
    package = tmp_path / "release/package"
    write_frames(tmp_path / "frames", [])
    assert cv2.imwrite(str(package / "golden/a.png"), np.zeros((160, 240, 3), np.uint8))
    expectation = {
        "image": "golden/a.png",
        "sha256": "0" * 64,
        "class_names": ["tube"],
        "boxes_xyxy_px": [[10, 20, 30, 40]],
        "scores": [0.9],
    }
    golden = {"images": [expectation], "instruction_set": "none"}
    (package / "golden/golden.json").write_text(json.dumps(golden))
    approve(tmp_path / "release")
    assert main(["check", str(write_station(tmp_path, "frames"))]) == 2
    assert "does not find the tube at 10, 20, 30, 40" in capsys.readouterr().out
    assert main(["run", str(tmp_path / "station.toml")]) == 2, "nor may it run"


def test_a_release_whose_labels_cannot_be_drawn_does_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_release(tmp_path / "release")
    write_frames(tmp_path / "frames", [RED])
    change(tmp_path / "release/layouts/item.toml", "product.sku", "product.colour")
    assert main(["run", str(write_station(tmp_path, "frames"))]) == 2
    assert "colour" in capsys.readouterr().err


def test_somebody_elses_database_is_no_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_release(tmp_path / "release")
    station = write_station(tmp_path, "frames")
    assert main(["journal", str(station)]) == 0
    assert "no journal yet" in capsys.readouterr().err
    (tmp_path / "data").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / "data/journal.sqlite")) as database:
        database.execute("CREATE TABLE recipes (cake TEXT)")
    assert main(["journal", str(station)]) == 2
    assert "not a journal" in capsys.readouterr().err
