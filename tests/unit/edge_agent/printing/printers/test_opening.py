"""Addresses of printers."""

import pytest

from beltmark.contract.errors import InputError
from edge_agent.printing.printers.opening import open_printer


@pytest.mark.parametrize(
    ("address", "opened"),
    [
        ("tcp://10.0.0.7:9100", "tcp://10.0.0.7:9100"),
        ("tcp://printer-3.local", "tcp://printer-3.local:9100"),
        ("tcp://[::1]:9101", "tcp://[::1]:9101"),
        ("/dev/usb/lp0", "/dev/usb/lp0"),
        ("cups:Zebra_1", "cups:Zebra_1"),
        ("ipp://cups.local/printers/Zebra", "ipp://cups.local/printers/Zebra"),
        ("file:labels.zpl", "file:labels.zpl"),
        ("file:///tmp/labels.zpl", "file:/tmp/labels.zpl"),
    ],
)
def test_good_addresses(address: str, opened: str):
    assert open_printer(address).address == opened


@pytest.mark.parametrize(
    "address",
    [
        "",
        "printer",
        "file:",
        "http://printer",
        "cups:",
        "cups:a/b",
        "ipp://host",
        "ipp://host:0/printers/Q",
        "ipp://host/printers/Q?x=1",
        "tcp://",
        "tcp://:9100",
        "tcp://host:99999",
        "tcp://host:0",
        "tcp://host:x",
        "tcp://host/path",
        "tcp://user@host",
        "tcp://a b",
        "tcp://[::1",
    ],
)
def test_bad_addresses_name_the_mend(address: str):
    with pytest.raises(InputError, match=r"printer\.address.*tcp://host:9100"):
        open_printer(address)
