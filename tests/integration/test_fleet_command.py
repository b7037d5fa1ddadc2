"""`beltmark-fleet` as it is used: a site made, served, told what to run, ended, killed, refused."""

import http.client
import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fleet_messages import birth, heartbeat
from fleet_process import ServedSite, fleet, init
from fleet_release import write_release
from mqtt_brokers import Mosquitto, free_port
from raw_device import RawDevice
from waiting import until

from fleet_server.served import Served
from fleet_server.site import init_site

DEVICE = "belt-1"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as held:
        yield held


@pytest.fixture
def token(tmp_path: Path) -> str:
    return init_site(tmp_path / "site")


@pytest.fixture
def site(tmp_path: Path, token: str) -> Path:
    return tmp_path / "site"


def serve(stack: ExitStack, site: Path, *options: object) -> ServedSite:
    served = ServedSite(site, "--port", 0, *options)
    stack.callback(served.close)
    return served.start()


def serve_with_broker(stack: ExitStack, site: Path) -> ServedSite:
    return serve(stack, site, "--embedded-broker", "--broker-port", free_port())


def devices(site: Path) -> list[dict]:
    done = fleet("devices", site, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def connect(stack: ExitStack, served: ServedSite, token: str) -> RawDevice:
    """A device that has said how it is, and which the server has heard."""
    device = stack.enter_context(RawDevice(served.broker_port, DEVICE))
    device.say("birth", birth(device=DEVICE, release="release-1"))
    until(lambda: served.get("/api/v1/devices", token)[1], "it is heard")
    return device


def listed_with_a_beat(device: RawDevice, site: Path) -> str:
    device.say("heartbeat", heartbeat(device=DEVICE))
    return ask("devices", site)


def ask(*arguments: object) -> str:
    done = fleet(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def add_releases(folder: Path, *names: str) -> None:
    for name in names:
        release = write_release(folder / name, name, model=name.encode())
        ask("release", "add", folder / "site", release)
        ask("release", "approve", folder / "site", name, "--override", "a test")


def wanted(stack: ExitStack, served: ServedSite) -> tuple[int, str]:
    """What somebody who comes later is told at once: it is what the broker retained."""
    late = stack.enter_context(RawDevice(served.broker_port, DEVICE))
    until(lambda: late.desired, "it is told what to run")
    return late.desired[-1].desired_version, late.desired[-1].release


@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_a_station_is_heard_told_and_told_back(kind, tmp_path, stack):
    site = tmp_path / "site"
    token = init(site)
    if kind == "embedded":
        served = serve_with_broker(stack, site)
    else:
        mosquitto = Mosquitto(tmp_path)
        stack.callback(mosquitto.stop)
        mosquitto.start()
        served = serve(stack, site, "--broker", mosquitto.address)
    until(lambda: served.get("/api/v1/health")[0] == 200, "it is well")
    assert served.get("/sign-in")[0] == 200
    assert served.get("/api/v1/devices")[0] == 401
    assert served.get("/api/v1/devices", token) == (200, [])

    device = connect(stack, served, token)
    listed = served.get("/api/v1/devices", token)[1]
    assert [(one["device"], one["release"]) for one in listed] == [(DEVICE, "release-1")]
    runs = f"{DEVICE}           Runs, connected since "  # if it is listed within 15 s
    until(lambda: listed_with_a_beat(device, site).startswith(runs), "it is listed as it is")

    add_releases(tmp_path, "release-1", "release-2")
    assert ask("push", site, "release-1", "--all") == (
        f"{DEVICE}: asked to run release-1 (request 1)\n"
    )
    until(lambda: [one.release for one in device.desired] == ["release-1"], "the first")
    ask("push", site, "release-2", "--device", DEVICE)
    until(lambda: device.desired[-1].release == "release-2", "the second")
    ask("back", site, "--all")
    until(lambda: device.desired[-1].release == "release-1", "the way back")
    assert wanted(stack, served) == (3, "release-1")

    assert served.end() == 0
    assert "Traceback" not in served.log
    assert [one["state"] for one in devices(site)] == ["unknown"]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", urlsplit(served.url).port), timeout=5)


def test_a_database_in_postgresql_does_as_well(tmp_path, stack, postgresql):
    site = tmp_path / "site"
    token = init(site, "--database", postgresql.new_database())
    served = serve_with_broker(stack, site)
    device = connect(stack, served, token)
    add_releases(tmp_path, "release-1")
    ask("push", site, "release-1", "--all")
    until(lambda: device.desired, "it is told")
    assert served.end() == 0
    assert not (site / "fleet.sqlite").exists()


@pytest.mark.long
def test_what_a_broker_forgets_is_said_again(tmp_path, site, token, stack):
    """After an end, after a kill, and though nobody was there when it was asked for."""
    served = serve_with_broker(stack, site)
    connect(stack, served, token)
    add_releases(tmp_path, "release-1", "release-2")
    ask("push", site, "release-1", "--all")
    assert wanted(stack, served) == (1, "release-1")
    assert served.end() == 0

    ask("push", site, "release-2", "--all")
    served.start()
    assert wanted(stack, served) == (2, "release-2")
    assert served.end(signal.SIGKILL) == -signal.SIGKILL
    assert [one["state"] for one in devices(site)] == ["unknown"]  # its note is there, not it
    served.start()
    assert wanted(stack, served) == (2, "release-2")
    assert served.end() == 0


@pytest.mark.long
def test_a_broker_that_comes_back_is_told_everything_again(tmp_path, site, token, stack):
    mosquitto = Mosquitto(tmp_path)
    stack.callback(mosquitto.stop)
    served = serve(stack, site, "--broker", mosquitto.address)
    until(lambda: "cannot be reached" in str(served.problems()), "its absence is told")
    done = fleet("devices", site)
    assert done.returncode == 0
    assert "cannot be reached" in done.stderr
    mosquitto.start()
    until(lambda: not served.problems(), "it is back")
    with ExitStack() as first:
        connect(first, served, token)
    add_releases(tmp_path, "release-1")
    ask("push", site, "release-1", "--all")
    assert wanted(stack, served) == (1, "release-1")
    mosquitto.stop()
    until(lambda: "the broker" in str(served.problems()), "its loss is told")
    mosquitto.start()
    assert wanted(stack, served) == (1, "release-1")
    assert served.end() == 0


def test_a_broker_that_lets_nobody_in_is_told_and_ends_nothing(tmp_path, site, stack):
    strict = Mosquitto(tmp_path, "allow_anonymous false")
    stack.callback(strict.stop)
    strict.start()
    served = serve(stack, site, "--broker", f"mqtt://me:hush@127.0.0.1:{strict.port}")
    until(lambda: "refuses user me" in str(served.problems()), "it is told")
    assert served.get("/sign-in")[0] == 200
    assert served.end() == 0
    assert "hush" not in served.log


def test_ctrl_c_in_a_terminal_ends_it_in_order_though_pages_are_open(site, token, stack):
    served = serve_with_broker(stack, site)
    where = urlsplit(served.url)
    page = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
    page.request("GET", f"/sign-in?token={token}")
    answer = page.getresponse()
    answer.read()
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    page.request("GET", "/", headers={"Cookie": cookie})
    answer = page.getresponse()
    assert (answer.status, b"No station has reported yet" in answer.read()) == (200, True)
    page.request("GET", "/events?page=/", headers={"Cookie": cookie})
    stream = page.getresponse()
    assert stream.readline()
    # A terminal gives the signal to all of its processes: the broker, too.
    assert served.end(signal.SIGINT, group=True) == 0
    page.close()
    assert "Traceback" not in served.log
    assert "broker has ended" not in served.log


def test_it_ends_by_itself_when_its_time_is_over(site, stack):
    served = serve(stack, site, "--embedded-broker", "--broker-port", 0, "--seconds", 1.5)
    assert served.wait() == 0
    assert not (site / "served.json").exists()


def test_what_is_in_use_or_cannot_be_used_is_one_line_and_leaves_nothing(
    tmp_path, site, token, stack
):
    served = serve_with_broker(stack, site)
    port, broker_port = urlsplit(served.url).port, served.broker_port
    other, free = tmp_path / "other", free_port()
    init_site(other)
    embedded = ("--embedded-broker", "--broker-port", free)
    refused = [
        ((site, "--port", 0, *embedded), "another server serves this site"),
        ((other, "--port", port, *embedded), f"port {port} of 127.0.0.1: Address already in use"),
        (
            (other, "--port", free, "--broker-port", broker_port),
            f"the embedded broker cannot listen on port {broker_port}",
        ),
        ((other, "--port", free, "--broker", "http://b"), "the broker's address is http://"),
        ((other, "--host", "192.0.2.1", *embedded), "cannot listen on port 8000 of 192.0.2.1"),
    ]
    for arguments, told in refused:
        done = fleet("serve", *arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert told in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
    assert served.get("/api/v1/health")[0] == 200  # who was there first is not disturbed
    assert not (other / "served.json").exists()
    with socket.create_server(("127.0.0.1", free)):
        pass  # nobody listens there


def test_a_database_that_cannot_be_used_is_one_line(tmp_path, site):
    (site / "fleet.sqlite").write_bytes(b"no database at all, but long enough to be read as one")
    for command in (("serve", site, "--port", 0, "--broker-port", free_port()), ("devices", site)):
        done = fleet(*command)
        assert (done.returncode, done.stdout) == (2, "")
        assert "the database cannot be used: file is not a database" in done.stderr
        assert done.stderr.count("\n") == 1


def test_signatures_are_renewed_while_it_runs(tmp_path, stack):
    """They were made long ago: half a day before a timestamp expires, it is due."""
    site = tmp_path / "site"
    init_site(site, clock=lambda: time.time() - 20 * 3_600)
    timestamp = site / "repository/metadata/timestamp.json"
    assert json.loads(timestamp.read_bytes())["signed"]["version"] == 1
    served = serve_with_broker(stack, site)
    until(lambda: json.loads(timestamp.read_bytes())["signed"]["version"] == 2, "it is renewed")
    assert served.end() == 0


def test_signatures_that_cannot_be_renewed_are_told_and_end_nothing(site, stack):
    (site / "repository/metadata/timestamp.json").write_text("damaged")
    served = serve_with_broker(stack, site)
    until(lambda: "cannot be renewed" in str(served.problems()), "it is told")
    assert served.get("/api/v1/health")[1]["hears_devices"] is True
    assert fleet("devices", site).stderr.startswith("the server: signatures of releases cannot")
    assert served.end() == 0


def test_who_lets_other_machines_in_is_warned_and_reached_by_name(site, stack):
    served = serve(stack, site, "--host", "0.0.0.0", "--embedded-broker", "--broker-port", 0)
    assert served.url.startswith("http://127.0.0.1:")
    until(lambda: "plain HTTP" in served.log, "it is warned")
    section = ask("station", site, DEVICE)
    note = Served.model_validate_json((site / "served.json").read_bytes())
    assert f'server = "{note.address}"' in section
    assert f'broker = "{served.broker}"' in section
    assert socket.gethostname() in note.address
    assert served.end() == 0
