"""How a site is to be served: what is asked for stands above what is set; where it listens."""

import socket

import pytest

from beltmark.contract.errors import InputError
from fleet_server.served import address_of
from fleet_server.serving import ServingPlan, listen, plan_of
from fleet_server.settings import BrokerSection, FleetFile, ServerSection, SiteSection

SITE = SiteSection(id="s")
SET = FleetFile(
    site=SITE,
    server=ServerSection(host="10.0.0.1", port=81),
    broker=BrokerSection(address="mqtt://mq", port=1884),
)


@pytest.mark.parametrize(
    ("settings", "asked", "plan"),
    [
        (FleetFile(site=SITE), {}, ServingPlan("127.0.0.1", 8000, None, 1883)),
        (SET, {}, ServingPlan("10.0.0.1", 81, "mqtt://mq", 1884)),
        (SET, {"host": "::1", "port": 0}, ServingPlan("::1", 0, "mqtt://mq", 1884)),
        (SET, {"broker": "mqtt://b"}, ServingPlan("10.0.0.1", 81, "mqtt://b", 1884)),
        (SET, {"brings_broker": True}, ServingPlan("10.0.0.1", 81, None, 1884)),
        (
            SET,
            {"brings_broker": True, "broker_port": 0, "seconds": 1.5},
            ServingPlan("10.0.0.1", 81, None, 0, 1.5),
        ),
    ],
)
def test_what_is_asked_for_stands_above_what_is_set(settings, asked, plan):
    assert plan_of(settings, **asked) == plan


@pytest.mark.parametrize("asked", [{}, {"broker": "mqtt://b"}])
def test_a_port_for_a_broker_that_is_not_brought_is_told(asked):
    with pytest.raises(InputError, match="another broker is to be used"):
        plan_of(SET, broker_port=1885, **asked)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_who_connects_before_anybody_answers_waits(host):
    with (
        listen(host, 0) as listener,
        socket.create_connection(("localhost", listener.getsockname()[1]), timeout=5),
    ):
        listener.accept()[0].close()


@pytest.mark.parametrize(
    ("host", "port", "told"),
    [
        ("192.0.2.1", 0, "port 0 of 192.0.2.1: Cannot assign requested address"),
        ("no-such-host.invalid", 1, "port 1 of no-such-host.invalid: "),
        ("a..b", 1, "port 1 of a..b: "),
    ],
)
def test_an_address_that_is_not_ours_is_told(host, port, told):
    with pytest.raises(InputError) as refusal, listen(host, port):
        pass
    assert told in str(refusal.value)
    assert "--port" in refusal.value.mend


def test_a_port_in_use_is_told_without_what_is_said_already():
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(InputError) as refusal, listen("127.0.0.1", port):
            pass
    told = f"the server cannot listen on port {port} of 127.0.0.1: Address already in use"
    assert refusal.value.problem == told
    with listen("127.0.0.1", port):
        pass  # it is free as soon as nobody listens


def test_an_address_for_others_names_this_machine():
    assert address_of("0.0.0.0", 81) == f"http://{socket.gethostname()}:81"
    assert address_of("10.0.0.1", 81) == "http://10.0.0.1:81"
    assert address_of("fe80::1", 81) == "http://[fe80::1]:81"
