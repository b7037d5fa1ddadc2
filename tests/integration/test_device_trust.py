"""What a real Mosquitto lets devices do, set up as `beltmark-fleet broker-config` writes it."""

import os
import signal
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from enrolling import Enrolment, context_of
from fleet_messages import Clock
from raw_device import wait_for
from secure_broker import Peer, SecureBroker, connected, is_refused

from beltmark.contract.broker import parse_broker
from beltmark.contract.enrolment import SERVER_NAME
from beltmark.contract.errors import InputError
from edge_agent.identity.certificate import new_key, renew_request, renewed
from fleet_server.devices.broker_config import write_revocations
from fleet_server.devices.sessions import end_session, reload_broker
from fleet_server.handlers.enrolment import renew
from fleet_server.storage.engine import open_database

A, B = "belt-a", "belt-b"


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Enrolment]:
    engine = open_database(f"sqlite:///{tmp_path / 'fleet.sqlite'}")
    yield Enrolment(engine, Clock(time.time()))
    engine.dispose()


@pytest.fixture
def broker(fleet: Enrolment, tmp_path: Path) -> Iterator[SecureBroker]:
    made = SecureBroker(fleet, tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


class Site:
    """A fleet with two devices and the server, all connected."""

    def __init__(
        self, fleet: Enrolment, broker: SecureBroker, stack: ExitStack, folder: Path
    ) -> None:
        self.broker, self.stack = broker, stack
        self.contexts = {
            SERVER_NAME: fleet.authority.context(SERVER_NAME),
            A: context_of(fleet.device(A), folder / A),
            B: context_of(fleet.device(B), folder / B),
        }
        self.server = self.peer(SERVER_NAME)
        self.server.subscribe("beltmark/+/up/+", "beltmark/server/online")

    def peer(self, name: str, client_id: str = "", will: str = "") -> Peer:
        return self.stack.enter_context(
            connected(self.broker, self.contexts[name], client_id, will)
        )

    def settle(self, peer: Peer, name: str) -> None:
        """Waits until all that was said before has come: the server's own word comes last."""
        topic = f"beltmark/{name}/down/committed"
        self.server.say(topic, b"last")
        wait_for(lambda: (topic, b"last") in peer.heard, "the last word has come")


@pytest.fixture
def site(fleet: Enrolment, broker: SecureBroker, stack: ExitStack, tmp_path: Path) -> Site:
    return Site(fleet, broker, stack, tmp_path)


def test_a_device_speaks_under_no_other_name(site: Site):
    a = site.peer(A, client_id=B)
    for topic in (
        f"beltmark/{B}/up/birth",
        f"beltmark/{B}/up/records",
        "beltmark/+/up/birth",
        f"beltmark/{A}/up/birth/more",
        f"beltmark/{SERVER_NAME}/up/birth",
        "elsewhere",
    ):
        site.server.subscribe("elsewhere")
        try:
            a.say(topic)
        except ValueError:  # paho itself refuses wildcards
            continue
    a.say(f"beltmark/{A}/up/birth", b"own")
    wait_for(lambda: site.server.heard, "its own word has come")
    assert site.server.heard == [(f"beltmark/{A}/up/birth", b"own")]


def test_a_device_writes_neither_its_desired_state_nor_the_servers_word(site: Site):
    a, b = site.peer(A), site.peer(B)
    a.subscribe(f"beltmark/{A}/down/desired", f"beltmark/{A}/down/committed")
    b.subscribe(f"beltmark/{B}/down/#", "beltmark/server/online")
    for retain in (False, True):
        a.say(f"beltmark/{A}/down/desired", b"self", retain=retain)
        a.say(f"beltmark/{B}/down/desired", b"other", retain=retain)
        a.say("beltmark/server/online", b"false", retain=retain)
    site.settle(a, A)
    site.settle(b, B)
    assert a.heard == [(f"beltmark/{A}/down/committed", b"last")]
    assert b.heard == [(f"beltmark/{B}/down/committed", b"last")]
    assert not site.server.heard


def test_a_device_hears_what_is_for_it_alone(site: Site):
    a, b = site.peer(A), site.peer(B)
    a.subscribe("#", "beltmark/#", f"beltmark/{B}/down/desired", f"beltmark/{B}/up/+", "$SYS/#")
    b.subscribe(f"beltmark/{B}/down/#")
    site.server.say(f"beltmark/{B}/down/desired", b"for b", retain=True)
    b.say(f"beltmark/{B}/up/records", b"of b")
    site.server.say("beltmark/server/online", b"on")
    site.settle(b, B)
    site.settle(a, A)
    assert (f"beltmark/{B}/down/desired", b"for b") in b.heard
    assert {topic for topic, _ in a.heard} == {
        "beltmark/server/online",
        f"beltmark/{A}/down/committed",
    }
    late = site.peer(A)  # what is retained is not for it either
    late.subscribe("beltmark/#")
    site.settle(late, A)
    assert not [topic for topic, _ in late.heard if B in topic]


def test_a_device_leaves_no_will_under_another_name(site: Site):
    site.peer(A, will=f"beltmark/{B}/up/death").cut()
    own = site.peer(B, will=f"beltmark/{B}/up/death")
    own.cut()
    wait_for(lambda: site.server.heard, "the will of the second has come")
    assert site.server.heard == [(f"beltmark/{B}/up/death", b"will")]


def test_a_device_evicts_nobody_by_a_client_id(site: Site):
    b = site.peer(B, client_id=B)
    b.subscribe(f"beltmark/{B}/down/#")
    for client_id in (B, f"beltmark-{B}", SERVER_NAME, "beltmark-fleet"):
        with connected(site.broker, site.contexts[A], client_id):
            site.settle(b, B)
            b.heard.clear()
    assert not b.is_over
    assert not site.server.is_over


def test_more_waits_for_one_that_was_away_than_the_broker_would_keep_by_itself(site: Site):
    topic = f"beltmark/{B}/down/desired"

    def come() -> Peer:
        peer = Peer(site.broker, site.contexts[B], B, is_kept=True)
        wait_for(lambda: peer.is_in, "it is let in")
        return peer

    away = come()
    away.subscribe(topic)
    away.close()
    for number in range(1_500):
        site.server.client.publish(topic, b"%d" % number, qos=1)
    site.server.say(topic, b"x" * 256 * 1024)
    back = come()
    wait_for(lambda: len(back.heard) == 1_501, "all has come")
    back.close()
    assert [payload for _, payload in back.heard[:1_500]] == [b"%d" % n for n in range(1_500)]


def test_one_that_comes_again_takes_its_own_place(site: Site):
    first = site.peer(B)
    second = site.peer(B, client_id="another")
    wait_for(lambda: first.is_over, "the first is over")
    assert not second.is_over


def test_who_has_no_certificate_of_the_fleet_is_not_let_in(
    fleet: Enrolment, broker: SecureBroker, tmp_path: Path
):
    engine = open_database(f"sqlite:///{tmp_path / 'other.sqlite'}")
    foreign = Enrolment(engine, fleet.clock)
    theirs = context_of(foreign.device(A), tmp_path / "theirs")
    theirs.load_verify_locations(cadata=fleet.authority.certificate)  # it would trust the broker
    assert is_refused(broker, theirs)
    engine.dispose()

    nobody = ssl.create_default_context(cadata=fleet.authority.certificate)
    assert is_refused(broker, nobody)

    now, fleet.clock.now = fleet.clock.now, fleet.clock.now - 91 * 86_400
    expired = context_of(fleet.device(A), tmp_path / "expired")
    fleet.clock.now = now
    assert is_refused(broker, expired)
    assert not is_refused(broker, context_of(fleet.device(A), tmp_path / "good"))


def test_a_device_comes_to_no_broker_of_another_fleet(
    fleet: Enrolment, broker: SecureBroker, tmp_path: Path
):
    engine = open_database(f"sqlite:///{tmp_path / 'other.sqlite'}")
    theirs = context_of(Enrolment(engine, fleet.clock).device(A), tmp_path / "theirs")
    engine.dispose()
    with pytest.raises(ssl.SSLCertVerificationError):
        Peer(broker, theirs)


def test_one_that_was_revoked_is_cut_off_and_does_not_come_back(
    site: Site, fleet: Enrolment, tmp_path: Path
):
    broker, address = site.broker, parse_broker(site.broker.address, may_be_tls=True)
    a, b = site.peer(A), site.peer(B)
    fleet.store.revoke(A, "anna")
    write_revocations(fleet.authority, broker.folder, fleet.store.revoked)
    reload_broker(broker.pid_file)
    wait_for(lambda: is_refused(broker, site.contexts[A]), "the broker has read its list")
    assert end_session(fleet.authority, address, A, hold_s=0.5)
    wait_for(lambda: a.is_over, "the session is over")
    assert is_refused(broker, site.contexts[A])
    assert not b.is_over
    assert not is_refused(broker, context_of(fleet.device(A), tmp_path / "again"))


def test_one_that_comes_back_is_told(site: Site, fleet: Enrolment):
    """The broker was not told what was revoked."""
    address = parse_broker(site.broker.address, may_be_tls=True)
    fleet.store.revoke(A, "anna")
    a = site.peer(A)
    answers: list[bool] = []
    ending = threading.Thread(
        target=lambda: answers.append(end_session(fleet.authority, address, A, hold_s=20.0))
    )
    ending.start()
    wait_for(lambda: a.is_over, "it is cut off")
    site.peer(A)
    ending.join()
    assert answers == [False]


def test_the_next_certificate_is_taken_while_the_first_is_connected(
    site: Site, fleet: Enrolment, tmp_path: Path
):
    identity, key = fleet.device("belt-c"), new_key()
    before = connected(site.broker, context_of(identity, tmp_path / "c"))
    first = site.stack.enter_context(before)
    asked = renew_request(identity, key)
    issued = renew(fleet.authority, fleet.store, "belt-c", asked)
    after = context_of(renewed(identity, key, issued), tmp_path / "c")
    first.say("beltmark/belt-c/up/birth", b"still here")
    wait_for(lambda: site.server.heard, "it was not interrupted")
    assert not is_refused(site.broker, after)


def test_a_process_that_is_not_mosquittos_is_left_alone(tmp_path: Path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        path = tmp_path / "pid"
        for content in (str(os.getpid()), "", "x", "999999999", "0", "-1"):
            path.write_text(content)
            with pytest.raises(InputError, match="reload it yourself"):
                reload_broker(path)
        with pytest.raises(InputError, match="reload it yourself"):
            reload_broker(tmp_path / "missing")
    finally:
        signal.signal(signal.SIGHUP, before)
