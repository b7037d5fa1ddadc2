import os
import signal
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from enrolling import Enrolment
from fleet_messages import Clock

from beltmark.contract.enrolment import EnrolRequest, Issued, RenewRequest
from beltmark.contract.errors import InputError
from edge_agent.identity.certificate import enrol_request
from edge_agent.identity.enrolling import enrol_station, enrol_with
from edge_agent.identity.keeping import IdentityFolder
from edge_agent.identity.renewal import Renewer
from edge_agent.uplink.fleet_http import Answer
from fleet_server.handlers.enrolment import enrol, invite, renew
from fleet_server.storage.certificates import NotGiven
from fleet_server.storage.engine import open_database


class Door:
    """The server, without a network between; it can be away, or lose its answers."""

    def __init__(self, fleet: Enrolment) -> None:
        self.fleet, self.asked = fleet, 0
        self.is_away = self.loses_answers = False
        self.answers: Callable[[Issued], bytes] = lambda issued: issued.model_dump_json().encode()

    def send(self, method: Literal["POST", "PUT"], path: str, body: bytes, media: str) -> Answer:
        assert (method, media) == ("POST", "application/json")
        if self.is_away:
            return Answer("later", "the server cannot be reached")
        self.asked += 1
        device, what = path.removeprefix("/api/v1/devices/").split("/")
        authority, store = self.fleet.authority, self.fleet.store
        try:
            if what == "enrol":
                issued = enrol(authority, store, device, EnrolRequest.model_validate_json(body))
            else:
                issued = renew(authority, store, device, RenewRequest.model_validate_json(body))
        except NotGiven as error:
            return Answer("later", f"the server answers 403 {error}")
        if self.loses_answers:
            return Answer("later", "the server was lost")
        return Answer("taken", content=self.answers(issued))


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Enrolment]:
    engine = open_database(f"sqlite:///{tmp_path / 'fleet.sqlite'}")
    yield Enrolment(engine, Clock(1.8e9))
    engine.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> IdentityFolder:
    return IdentityFolder(tmp_path / "identity")


def join(fleet: Enrolment, folder: IdentityFolder, door: Door | None = None):
    token = invite(fleet.authority, fleet.store, "belt-1", "anna")
    return enrol_with(folder, token, door or Door(fleet), "http://fleet")


def test_an_identity_is_kept_for_its_owner_alone(fleet, folder):
    identity = join(fleet, folder)
    assert folder.read().certificate == identity.certificate
    assert folder.read().device == "belt-1"
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.parent.stat().st_mode) == 0o700
    assert [one.name for one in folder.path.parent.iterdir()] == ["identity.pem"]
    context = folder.context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_what_cannot_be_used_is_told(fleet, folder):
    with pytest.raises(InputError, match="not enrolled"):
        folder.context()
    join(fleet, folder)
    content = folder.path.read_bytes()
    for damaged in (b"", content[:-400], content[content.index(b"-----BEGIN CERT") :]):
        folder.path.write_bytes(damaged)
        with pytest.raises(InputError, match="beltmark-edge enrol"):
            folder.context()


def test_an_answer_that_was_lost_is_asked_for_again(fleet, folder):
    token, door = invite(fleet.authority, fleet.store, "belt-1", "anna"), Door(fleet)
    door.loses_answers = True
    with pytest.raises(InputError, match="lost"):
        enrol_with(folder, token, door, "http://fleet")
    assert not folder.path.exists()
    door.loses_answers = False
    enrol_with(folder, token, door, "http://fleet")  # the token is used, but by this key
    assert folder.read().device == "belt-1"


def test_an_answer_from_another_fleet_changes_nothing(fleet, folder, tmp_path):
    before = join(fleet, folder)
    engine = open_database(f"sqlite:///{tmp_path / 'other.sqlite'}")
    other = Enrolment(engine, fleet.clock)
    token = invite(fleet.authority, fleet.store, "belt-1", "anna")
    seen = enrol_request(token, folder.next_key()).token_key
    other.store.invite(seen, "belt-1", "mallory", 3_600)  # it takes any token for its own
    with pytest.raises(InputError, match="not the fleet that gave the token"):
        enrol_with(folder, token, Door(other), "http://mallory")
    engine.dispose()
    assert folder.read().certificate == before.certificate


def test_a_token_for_another_station_is_not_even_sent(fleet, folder):
    token = invite(fleet.authority, fleet.store, "belt-2", "anna")
    with pytest.raises(InputError, match="for belt-2"):
        enrol_station(folder, "belt-1", str(token), "http://127.0.0.1:9")


def test_a_certificate_is_renewed_after_two_thirds_of_its_time(fleet, folder):
    first, door = join(fleet, folder), Door(fleet)
    renewer = Renewer(folder, door, clock=fleet.clock)
    renewer.look()
    assert (door.asked, renewer.health.state) == (0, "ok")
    fleet.clock.now = first.renew_at - 1
    renewer.look()
    assert door.asked == 0
    fleet.clock.now = first.renew_at
    renewer.look()
    second = folder.read()
    assert second.expires_at > first.expires_at
    assert second.key.public_key() != first.key.public_key()
    assert renewer.health.state == "ok"
    renewer.look()
    assert door.asked == 1


def test_who_cannot_renew_tells_until_it_can(fleet, folder):
    first, door = join(fleet, folder), Door(fleet)
    renewer = Renewer(folder, door, clock=fleet.clock)
    fleet.clock.now, door.is_away = first.renew_at, True
    renewer.look()
    assert renewer.health.state == "degraded"
    assert "cannot be reached" in renewer.health.told
    door.is_away, door.loses_answers = False, True
    for _ in range(20):  # it asks for the same key again: one certificate, not twenty
        renewer.look()
    door.loses_answers = False
    renewer.look()
    assert renewer.health.state == "ok"
    assert folder.read().expires_at > first.expires_at


def test_one_that_was_revoked_or_has_run_out_is_told(fleet, folder):
    first, door = join(fleet, folder), Door(fleet)
    renewer = Renewer(folder, door, clock=fleet.clock)
    fleet.store.revoke("belt-1", "anna")
    fleet.clock.now = first.renew_at
    renewer.look()
    assert "the certificate was revoked" in renewer.health.told
    fleet.clock.now, asked = first.expires_at, door.asked
    renewer.look()
    assert "enrol the station anew" in renewer.health.told
    assert door.asked == asked
    folder.path.unlink()
    renewer.look()
    assert "not enrolled" in renewer.health.told


@pytest.mark.parametrize("content", [b"", b"<html>", b"{}", b"\xff"])
def test_an_answer_that_is_none_leaves_the_certificate(fleet, folder, content):
    first, door = join(fleet, folder), Door(fleet)
    door.answers = lambda _: content
    fleet.clock.now = first.renew_at
    renewer = Renewer(folder, door, clock=fleet.clock)
    renewer.look()
    assert "not this station's fleet" in renewer.health.told
    assert folder.read().certificate == first.certificate


def test_the_key_of_the_present_certificate_is_not_the_next(fleet, folder):
    identity = join(fleet, folder)
    pem = folder.path.read_bytes()
    left = pem[: pem.index(b"-----BEGIN CERT")]
    (folder.path.parent / "next-key.pem").write_bytes(left)  # as one that died has left it
    key = folder.next_key()
    assert key.public_key() != identity.key.public_key()
    assert folder.next_key().public_key() == key.public_key()
    (folder.path.parent / "next-key.pem").write_bytes(b"half")
    assert folder.next_key().public_key() != key.public_key()


def test_a_kill_leaves_the_old_or_the_new_one_whole(fleet, folder):
    join(fleet, folder)
    script = f"""
import sys
from pathlib import Path
from edge_agent.identity.keeping import IdentityFolder
from edge_agent.identity.certificate import Identity
folder = IdentityFolder(Path({str(folder.path.parent)!r}))
identity = folder.read()
print("begun", flush=True)
while True:
    folder.next_key()
    folder.write(identity)
"""
    root = Path(__file__).resolve().parents[4]
    expected = folder.path.read_bytes()
    for turn in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, env=dict(os.environ)
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        time.sleep(0.01 * turn)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert folder.path.read_bytes() == expected
        folder.context()
        assert folder.next_key().curve.name == "secp256r1"
