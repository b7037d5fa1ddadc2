"""Makes of a topic and a payload what a device said. Pure; storing it is left to `storage`."""

from collections.abc import Mapping
from typing import Final

from beltmark.contract.messages import Birth, Death, Heartbeat, RecordBatch, Reported
from beltmark.contract.topics import Up, parse_up
from beltmark.contract.wire import MalformedMessage, decode
from fleet_server.storage.telemetry import Malformed, Said

_MODELS: Final[Mapping[Up, type[Birth | Death | Heartbeat | RecordBatch | Reported]]] = {
    "birth": Birth,
    "death": Death,
    "heartbeat": Heartbeat,
    "records": RecordBatch,
    "reported": Reported,
}


def decode_said(topic: str, payload: bytes) -> Said | None:
    """Returns what a device said; None for a topic that belongs to no device.

    Who speaks is known by the topic, for that is what a broker can hold a device to: a message that
    names another device counts against the topic's.
    """
    parsed = parse_up(topic)
    if parsed is None:
        return None
    device, what = parsed
    try:
        said = decode(payload, _MODELS[what])
    except MalformedMessage as error:
        return Malformed(device, f"{what}: {error}")
    if said.device != device:
        return Malformed(device, f"{what}: it speaks for {said.device}")
    return said
