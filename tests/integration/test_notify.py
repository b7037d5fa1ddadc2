"""What systemd hears from an agent, over a real socket."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from blob_station import RED, picture, write_release, write_station
from waiting import PATIENCE_S, until

from edge_agent.notify import NotifySocket, Progress, Watchdog, open_watchdog, watchdog_limit_s


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(PATIENCE_S)
        yield listener


class Belt:
    """A loop that turns whenever it is looked at, until it is stuck."""

    def __init__(self) -> None:
        self.turns, self.asked, self.is_stuck = 0, 0, False

    def __call__(self) -> dict[str, int]:
        self.asked += 1
        self.turns += not self.is_stuck
        return {"loop": self.turns}


def test_every_part_must_have_moved() -> None:
    progress = Progress()
    assert progress.has_moved({"loop": 0, "labels": 0})
    assert not progress.has_moved({"loop": 0, "labels": 0})
    assert not progress.has_moved({"loop": 5, "labels": 0})
    assert progress.has_moved({"loop": 5, "labels": 1})
    assert not progress.has_moved({"loop": 5, "labels": 2})


@pytest.mark.parametrize(
    ("environment", "limit_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "10000000"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "7"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_limit_is_the_one_for_this_process(
    environment: dict[str, str], limit_s: float | None
) -> None:
    assert watchdog_limit_s(environment, 7) == limit_s


def test_an_abstract_socket_is_reached() -> None:
    name = f"beltmark-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(PATIENCE_S)
        NotifySocket(f"@{name}").send("READY=1", "STATUS=looks")
        assert listener.recv(1_000) == b"READY=1\nSTATUS=looks"


def test_nobody_who_listens_is_no_harm(tmp_path: Path) -> None:
    NotifySocket(None).send("READY=1")
    NotifySocket(str(tmp_path / "none")).send("READY=1")


def test_a_loop_that_turns_is_fed_and_one_that_is_stuck_is_not(heard: socket.socket) -> None:
    belt = Belt()
    address = heard.getsockname()
    watchdog = Watchdog(NotifySocket(address), 0.04, belt, lambda: "the belt\nmay run")
    watchdog.start()
    assert heard.recv(1_000) == b"READY=1"
    assert heard.recv(1_000) == b"WATCHDOG=1\nSTATUS=the belt may run"
    assert heard.recv(1_000) == b"WATCHDOG=1"

    belt.is_stuck = True
    asked = belt.asked
    until(lambda: belt.asked > asked + 1, "the stuck loop to be looked at")
    heard.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while heard.recv(1_000):
            pass  # what was fed before
    asked = belt.asked
    until(lambda: belt.asked > asked + 5, "the stuck loop to be looked at again")
    with pytest.raises(BlockingIOError):
        heard.recv(1_000)
    watchdog.stopping()
    assert heard.recv(1_000) == b"STOPPING=1"


def test_without_a_watchdog_only_the_state_is_told(heard: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": heard.getsockname()}
    watchdog = open_watchdog(Belt(), lambda: "", environment)
    watchdog.start()
    watchdog.stopping()
    assert [heard.recv(1_000), heard.recv(1_000)] == [b"READY=1", b"STOPPING=1"]


def test_an_agent_says_that_it_is_ready_alive_and_ending(
    heard: socket.socket, tmp_path: Path
) -> None:
    write_release(tmp_path / "release")
    (tmp_path / "frames").mkdir()
    for number in range(90):
        cv2.imwrite(str(tmp_path / f"frames/{number:03d}.png"), picture(None, RED, number))
    station = write_station(tmp_path, "frames")
    environment = {
        **os.environ,
        "NOTIFY_SOCKET": heard.getsockname(),
        "WATCHDOG_USEC": "2000000",
        "BELTMARK_EDGE__CAMERA__LOOP": "true",
    }
    command = [sys.executable, "-m", "edge_agent.cli", "run", str(station), "--quiet"]
    agent = subprocess.Popen(command, env=environment)
    try:
        assert heard.recv(1_000) == b"READY=1"
        told = heard.recv(1_000).split(b"\n")
        assert told[0] == b"WATCHDOG=1"
        assert told[1].startswith(b"STATUS=")
        agent.send_signal(signal.SIGTERM)
        while heard.recv(1_000) != b"STOPPING=1":
            pass
        assert agent.wait(PATIENCE_S) == 0
    finally:
        agent.kill()
        agent.wait()
