import pytest

from beltmark.contract.broker import BrokerAddress, parse_broker
from beltmark.contract.errors import InputError


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("mqtt://broker", BrokerAddress("broker", 1883)),
        ("mqtt://127.0.0.1:1884/", BrokerAddress("127.0.0.1", 1884)),
        ("mqtt://[::1]:1884", BrokerAddress("::1", 1884)),
        ("mqtt://me:p%40ss%3A@broker:1", BrokerAddress("broker", 1, "me", "p@ss:")),
        ("mqtt://me@broker", BrokerAddress("broker", 1883, "me", None)),
    ],
)
def test_an_address_is_read(address, read):
    assert parse_broker(address) == read


@pytest.mark.parametrize(
    "address",
    [
        "",
        "broker",
        "broker:1883",
        "http://broker",
        "mqtts://broker",
        "mqtt://",
        "mqtt://:1883",
        "mqtt://broker:0",
        "mqtt://broker:65536",
        "mqtt://broker:many",
        "mqtt://me:s3cret@broker/topic",
        "mqtt://[::1",
    ],
)
def test_what_is_no_address_is_refused_without_its_password(address):
    with pytest.raises(InputError, match="mqtt://user:password@host:port") as refusal:
        parse_broker(address)
    assert "s3cret" not in str(refusal.value)


def test_an_address_is_told_without_its_password():
    address = parse_broker("mqtt://me:s3cret@[::1]:1884")
    assert str(address) == "mqtt://[::1]:1884"
    assert "s3cret" not in repr(address)


def test_one_with_certificates_is_read_where_there_are_some():
    address = parse_broker("mqtts://broker", may_be_tls=True)
    assert (str(address), address.is_tls) == ("mqtts://broker:8883", True)
    assert not parse_broker("mqtt://broker", may_be_tls=True).is_tls
    with pytest.raises(InputError, match="a certificate says who it is"):
        parse_broker("mqtts://me:s3cret@broker", may_be_tls=True)
