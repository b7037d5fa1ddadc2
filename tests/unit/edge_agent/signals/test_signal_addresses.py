"""Addresses of signals as people write them."""

import pytest

from beltmark.contract.broker import BrokerAddress
from beltmark.contract.errors import InputError
from edge_agent.signals.addresses import (
    GpioAddress,
    MqttAddress,
    TcpAddress,
    parse_signal_address,
)


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("tcp://relay:7000", TcpAddress("relay", 7000)),
        ("tcp://relay:7000/photo-eye", TcpAddress("relay", 7000, "photo-eye")),
        ("gpio:gpiochip0/17", GpioAddress("/dev/gpiochip0", 17)),
        (
            "gpio:/dev/gpiochip1/3?active=low&bias=pull-up&debounce_ms=2.5",
            GpioAddress("/dev/gpiochip1", 3, True, "pull-up", 2.5),
        ),
        (
            "mqtt://plc:secret@broker/line-1/permit",
            MqttAddress(BrokerAddress("broker", 1883, "plc", "secret"), "line-1/permit"),
        ),
    ],
)
def test_each_kind_is_read(address: str, read: object) -> None:
    assert parse_signal_address(address, "outputs.run_permit") == read


@pytest.mark.parametrize(
    "address",
    [
        "tcp://relay",
        "relay:1",
        "tcp://relay:99999",
        "tcp://r:1/x/y",
        "gpio:gpiochip0",
        "gpio:gpiochip0/x",
        "gpio:gpiochip0/9999",
        "gpio:../../etc/17",
        "gpio:gpiochip0/1?active=maybe",
        "gpio:gpiochip0/1?speed=2",
        "gpio:gpiochip0/1?debounce_ms=5000",
        "mqtt://broker",
        "mqtt://broker/",
        "mqtt://broker/a/+/b",
        "mqtt://broker/a/%0A",
        "mqtt://broker/a?b",
        "",
    ],
)
def test_what_is_none_is_refused_with_its_field(address: str) -> None:
    with pytest.raises(InputError) as told:
        parse_signal_address(address, "outputs.run_permit")
    assert told.value.field == "outputs.run_permit"


@pytest.mark.parametrize("address", ["mqtt://u:secret@broker/a#b", "amqp://u:secret@broker/a"])
def test_a_password_is_repeated_nowhere(address: str) -> None:
    with pytest.raises(InputError) as told:
        parse_signal_address(address, "outputs.run_permit")
    assert "secret" not in str(told.value)
    assert "secret" not in str(parse_signal_address("mqtt://u:secret@broker/a", "f"))
