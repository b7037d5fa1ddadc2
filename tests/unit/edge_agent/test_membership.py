"""A station's part in a fleet: who ends before whom; and what a plain station does not load."""

import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from blob_station import RED, picture, write_release, write_station

from edge_agent.membership import Membership

# What only some stations need: a fleet's, the network's, the panel's, the scan's.
NOT_LOADED = (
    "tuf", "paho", "urllib3", "starlette", "uvicorn", "gpiod", "cryptography",
    "edge_agent.membership",
    "edge_agent.panel.server", "edge_agent.serials.keeper", "edge_agent.signals.http_input",
    "edge_agent.verification.verifier", "edge_agent.warehouse.poster",
)  # fmt: skip


class Part:
    def __init__(self, name: str, does: list[str], *, fails: bool = False) -> None:
        self.name, self.does, self.fails = name, does, fails

    def start(self) -> None:
        self.does.append(f"start {self.name}")

    def stop(self) -> None:
        self.does.append(f"stop {self.name}")
        if self.fails:
            raise RuntimeError(self.name)


def membership(does: list[str], failing: str = "") -> Membership:
    updater, uplink, uploads, pictures = (
        Part(name, does, fails=name == failing)
        for name in ("updater", "uplink", "uploads", "pictures")
    )
    return Membership(None, updater, uplink, uploads, pictures)  # type: ignore[arg-type]


def test_the_uplink_ends_last_for_it_tells_how_the_others_ended() -> None:
    does: list[str] = []
    membership(does).stop()
    assert sorted(does) == ["stop pictures", "stop updater", "stop uplink", "stop uploads"]
    assert does[-1] == "stop uplink"
    assert does.index("stop pictures") < does.index("stop uploads")


def test_one_that_fails_keeps_no_other_from_ending() -> None:
    does: list[str] = []
    with pytest.raises(RuntimeError, match="updater"):
        membership(does, failing="updater").stop()
    assert len(does) == 4


def test_a_plain_station_loads_nothing_that_only_others_need(tmp_path: Path) -> None:
    write_release(tmp_path / "release")
    (tmp_path / "frames").mkdir()
    cv2.imwrite(str(tmp_path / "frames/0.png"), picture(None, RED, 0))
    station = write_station(tmp_path, "frames")
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from edge_agent.app import open_agent\n"
        "from edge_agent.doctor import examine\n"
        "from edge_agent.settings import read_settings\n"
        f"station = Path({str(station)!r})\n"
        "list(examine(station))\n"
        "open_agent(read_settings(station))\n"
        f"print(sorted(set({NOT_LOADED!r}) & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
