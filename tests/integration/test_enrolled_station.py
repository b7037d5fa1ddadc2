"""A station from its token to its end, by the commands that people use."""

import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import cv2
import pytest
from blob_station import BLUE, GREEN, RED, pass_by, write_release, write_station
from fleet_process import ServedSite
from mqtt_brokers import free_port, mosquitto_path
from waiting import until

from edge_agent.app import open_agent
from edge_agent.cli import main as edge
from edge_agent.printing.reading import read_items
from edge_agent.settings import read_settings
from fleet_server.cli import main as fleet

pytestmark = pytest.mark.xdist_group("uplink")


class Enrolled:
    """A site with its broker, and a station file of it.

    Attributes:
        site: The site's folder.
        station: The station file.
        served: The server.
    """

    def __init__(self, folder: Path, stack: ExitStack, capsys) -> None:
        self.folder, self.site, self._capsys = folder, folder / "site", capsys
        self.port, self.broker = free_port(), folder / "broker"
        assert self.fleet("init", self.site)
        pid_file = self.broker / "mosquitto.pid"
        told = self.fleet(
            "broker-config", self.site, self.broker, "--host", "127.0.0.1", "--port", self.port,
            "--bind", "127.0.0.1", "--data", self.broker, "--pid-file", pid_file,
        )  # fmt: skip
        section = told[told.index("[broker]") :]
        settings = self.site / "fleet.toml"
        text = re.sub(r"\[broker\]\n[^\[]*", lambda _: section, settings.read_text())
        settings.write_text(text)
        configuration = self.broker / "mosquitto.conf"
        configuration.write_text(f"user root\n{configuration.read_text()}")
        broker = subprocess.Popen(
            [mosquitto_path(), "-c", configuration], stderr=subprocess.DEVNULL
        )
        stack.callback(broker.wait)
        stack.callback(broker.kill)
        until(pid_file.exists, "the broker has started")
        self.served = ServedSite(self.site, "--port", "0")
        stack.callback(self.served.close)
        self.served.start()
        until(lambda: not self.served.problems(), "the server is connected")
        write_release(folder / "release")
        (folder / "frames").mkdir()
        for index, image in enumerate(pass_by([RED, GREEN, BLUE])):
            cv2.imwrite(str(folder / f"frames/{index:04d}.png"), image)
        text = self.fleet("station", self.site, "blob")
        self.station = write_station(
            folder, "frames", fleet=text[text.index("[fleet]") + 8 :] + "heartbeat_s = 0.5"
        )

    def fleet(self, *arguments: object, code: int = 0) -> str:
        """Runs a command of the fleet; returns what it prints."""
        assert fleet([str(one) for one in arguments]) == code, self._capsys.readouterr().err
        return self._capsys.readouterr().out

    def edge(self, *arguments: object) -> tuple[int, str]:
        """Runs a command of the station; returns its exit code and what it prints."""
        code = edge([str(one) for one in arguments])
        told = self._capsys.readouterr()
        return code, told.out + told.err

    def items(self) -> int:
        """How many items the server has of the station."""
        with sqlite3.connect(self.site / "fleet.sqlite") as connection:
            return int(connection.execute("SELECT count(*) FROM items").fetchone()[0])


@pytest.fixture
def enrolled(tmp_path: Path, capsys) -> Iterator[Enrolled]:
    with ExitStack() as stack:
        yield Enrolled(tmp_path, stack, capsys)


def run(station: Path) -> dict[str, object]:
    """Runs the agent over all frames; returns what its status file says at the end."""
    settings = read_settings(station)
    assert open_agent(settings).run()
    return json.loads((settings.station.data / "status.json").read_text())


def test_a_station_joins_labels_is_put_out_and_labels_on(enrolled: Enrolled, capsys):
    code, told = enrolled.edge("check", enrolled.station)
    assert code == 2
    assert "this station is not enrolled" in told
    token = enrolled.fleet("enrol", enrolled.site, "blob").strip()
    code, told = enrolled.edge("enrol", enrolled.station, token)
    assert code == 0, told
    assert "blob: enrolled" in told
    code, told = enrolled.edge("enrol", enrolled.station, token + "x")
    assert code == 2
    assert "the token is for blobx" in told
    assert token.split(".")[1] not in told
    assert "until" in enrolled.fleet("enrolled", enrolled.site)
    code, told = enrolled.edge("check", enrolled.station)
    for part in ("root", "token", "server", "broker"):
        assert re.search(rf"^{part} +ok ", told, re.M), told

    status = run(enrolled.station)
    decided = read_items(read_settings(enrolled.station).journal_path)
    assert len(decided) == 3
    until(lambda: enrolled.items() == 3, "the server has all items")
    assert "holds until" in str(status["certificate"])

    told = enrolled.fleet("revoke", enrolled.site, "blob")
    assert "blob: 1 certificates revoked" in told
    assert "its session is over" in told
    (enrolled.folder / "data" / "journal.sqlite").unlink()
    status = run(enrolled.station)
    again = read_items(read_settings(enrolled.station).journal_path)
    assert [one.print_state for one in again] == [one.print_state for one in decided]
    assert "was it revoked?" in str(status["uplink"])
    assert "revoked on" in enrolled.fleet("enrolled", enrolled.site)

    code, told = enrolled.edge("enrol", enrolled.station, token)
    assert code == 2
    assert "403" in told
    token = enrolled.fleet("enrol", enrolled.site, "blob").strip()
    assert enrolled.edge("enrol", enrolled.station, token)[0] == 0
    assert "connected" in str(run(enrolled.station)["uplink"])

    shutil.rmtree(enrolled.folder / "data")
    assert "not enrolled" in str(run(enrolled.station)["uplink"])
    assert len(read_items(read_settings(enrolled.station).journal_path)) == 3
