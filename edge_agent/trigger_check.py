"""Looks at what decides and counts a station's items, for `check`: nothing is moved by that."""

import contextlib
import socket
from collections.abc import Callable

from beltmark.contract.errors import InputError
from edge_agent.calibration.document import belt_plane
from edge_agent.outputs.reaching import reached
from edge_agent.settings import StationFile
from edge_agent.signals.gpio import Gpio, open_gpio
from edge_agent.signals.photo_eye_input import eye_place, open_photo_eye
from edge_agent.station.geometry import StationGeometry


def look_at_trigger(
    settings: StationFile, *, is_running: bool, gpio: Callable[[str], Gpio] = open_gpio
) -> str:
    """Returns what was found of `[trigger]`.

    Args:
        settings: The station file.
        is_running: Whether an agent runs here, which then has the photo-eye.
        gpio: Loads the GPIO library, where it is needed.

    Raises:
        InputError: It cannot be used.
    """
    trigger, zone = settings.trigger, settings.zone
    plane = belt_plane(zone)
    geometry = StationGeometry(zone.rect_xyxy_px, zone.travel, zone.decide_at, plane=plane)
    place = eye_place(trigger, geometry)
    kind = trigger.kind or ("line" if geometry.is_belt else "dwell")
    if place is None:
        return kind
    # That its address and token can be used is found out by making it.
    open_photo_eye(trigger, gpio=gpio)
    address = trigger.photo_eye
    if address.startswith("http:"):
        told = f"photo_eye {address if is_running else _listens(address)}"
    else:
        told = reached("trigger.photo_eye", address, is_running, gpio)
    use = "decides" if place.decides else "only counts"
    return f"{kind}; {told}, {place.place_px / geometry.length_px:.0%} along the zone, {use}"


def _listens(address: str) -> str:
    from edge_agent.signals.http_input import parse_http_input  # noqa: PLC0415

    target = parse_http_input(address, "trigger.photo_eye")
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    try:
        with contextlib.closing(socket.create_server(target, family=family)):
            return address
    except OSError as error:
        raise InputError(
            f"cannot listen there: {error.strerror or error}",
            "give an address of this computer and a port that nobody else has",
            file=address,
            field="trigger.photo_eye",
        ) from None
