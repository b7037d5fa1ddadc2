"""Where messages go: one branch of MQTT topics a device, one direction a branch.

A device writes below `up` and reads below `down`, never the other way round: a broker can hold that
with two patterns, and no device can write its own desired state.
"""

import re
from typing import Final, Literal, cast

ROOT: Final = "beltmark"
SERVER_ONLINE: Final = f"{ROOT}/server/online"
"""Retained; says that a server has begun to listen. Devices answer with their birth."""

Up = Literal["birth", "death", "heartbeat", "records", "reported"]
Down = Literal["committed", "desired"]

_UP = re.compile(
    rf"{ROOT}/([A-Za-z0-9][A-Za-z0-9._\-]{{0,63}})/up/(birth|death|heartbeat|records|reported)"
)

ALL_UP: Final = f"{ROOT}/+/up/+"
"""The server's subscription."""


def up(device: str, what: Up) -> str:
    """The topic on which a device says something."""
    return f"{ROOT}/{device}/up/{what}"


def down(device: str, what: Down) -> str:
    """The topic on which a device is told something; its messages are retained."""
    return f"{ROOT}/{device}/down/{what}"


def parse_up(topic: str) -> tuple[str, Up] | None:
    """Returns the device and what it says; None for a topic that is none of ours."""
    match = _UP.fullmatch(topic)
    if match is None:
        return None
    return match.group(1), cast(Up, match.group(2))  # the pattern names just these
