"""Keeps what a photo-eye tells until the station's loop takes it, frame by frame."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from beltmark.contract.errors import InputError
from edge_agent.printing.belt_window import mm_per_px
from edge_agent.section import of_field
from edge_agent.signals.addresses import NONE
from edge_agent.signals.gpio import Gpio, open_gpio
from edge_agent.signals.opening import open_input
from edge_agent.signals.ports import Edge, InputPort, SignalHealth
from edge_agent.signals.section import LEAST_SHARE, MOST_SHARE, TriggerSection
from edge_agent.station.eye_watch import EyeNews, EyePlace
from edge_agent.station.eye_words import EyeEdge
from edge_agent.station.geometry import StationGeometry

PHOTO_EYE = "photo-eye"
"""What its edges are called."""

_MAX_EDGES = 256


class PhotoEyeInput:
    """A station's photo-eye. `take` is for one thread; the rest for any.

    Args:
        port: Where its edges come from.
    """

    def __init__(self, port: InputPort) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._edges: deque[EyeEdge] = deque()
        self._lost = 0

    @property
    def address(self) -> str:
        """Where it is, without a password."""
        return self._port.address

    @property
    def health(self) -> SignalHealth:
        """Whether it can be heard."""
        return self._port.health

    def start(self) -> None:
        """Begins to listen."""
        self._port.start(self._heard)

    def stop(self) -> None:
        """Ends; safe where it was never started."""
        self._port.stop()

    def take(self) -> EyeNews:
        """Returns what it told since it was asked last."""
        with self._lock:
            edges: Sequence[EyeEdge] = tuple(self._edges)
            self._edges.clear()
        return EyeNews(edges, is_heard=self._port.health.problem is None)

    def _heard(self, edge: Edge) -> None:
        with self._lock:
            if len(self._edges) >= _MAX_EDGES:
                self._lost += 1 + edge.lost
                return
            lost, self._lost = self._lost + edge.lost, 0
            self._edges.append(EyeEdge(edge.at, edge.is_rising, lost))


def open_photo_eye(
    trigger: TriggerSection, *, gpio: Callable[[str], Gpio] = open_gpio
) -> PhotoEyeInput | None:
    """Returns the photo-eye that a station file names, not listening yet; None where it has none.

    Args:
        trigger: The section.
        gpio: Loads the GPIO library, where it is needed.

    Raises:
        InputError: Its address or token cannot be used.
    """
    address, field = trigger.photo_eye, "trigger.photo_eye"
    if address == NONE:
        return None
    if not address.startswith("http:"):
        return PhotoEyeInput(open_input(address, PHOTO_EYE, field, gpio=gpio))
    # Only here: few stations are posted to.
    from edge_agent.device_token import read_token  # noqa: PLC0415
    from edge_agent.signals.http_input import HttpInput, parse_http_input  # noqa: PLC0415

    host, port = parse_http_input(address, field)
    with of_field("trigger.photo_eye_token"):
        token = None if trigger.photo_eye_token is None else read_token(trigger.photo_eye_token)
    return PhotoEyeInput(HttpInput(host, port, PHOTO_EYE, token))


def eye_place(trigger: TriggerSection, geometry: StationGeometry) -> EyePlace | None:
    """Returns where the photo-eye is; None where none is fitted.

    Raises:
        InputError: The kind of trigger does not fit the belt or bench.
    """
    if trigger.kind is not None and (trigger.kind == "dwell") is geometry.is_belt:
        raise InputError(
            f"{trigger.kind!r} decides nothing on a {'belt' if geometry.is_belt else 'bench'}",
            'write "line" or "photo-eye"' if geometry.is_belt else 'write "dwell"',
            field="trigger.kind",
        )
    if trigger.photo_eye == NONE:
        return None
    if not geometry.is_belt:
        raise InputError(
            "a bench has no photo-eye", "leave it out, or set zone.travel", field="zone.travel"
        )
    length_px = geometry.length_px
    return EyePlace(
        place_px=_share(trigger, geometry) * length_px,
        tolerance_px=trigger.photo_eye_tolerance * length_px,
        decides=trigger.kind == "photo-eye",
    )


def _share(trigger: TriggerSection, geometry: StationGeometry) -> float:
    """Where the beam crosses the zone, as a share of it along the travel."""
    from_line_mm, field = trigger.photo_eye_from_line_mm, "trigger.photo_eye_from_line_mm"
    if from_line_mm is None:
        return trigger.photo_eye_at
    if (scale := mm_per_px(geometry)) is None:
        raise InputError(
            "needs the scale of the picture",
            "beltmark-edge calibrate, or write mm_per_px in [zone], or give photo_eye_at",
            field=field,
        )
    share = geometry.decide_at + from_line_mm / scale / geometry.length_px
    if not LEAST_SHARE <= share <= MOST_SHARE:
        raise InputError(
            f"is {share:.0%} along the zone",
            f"put the photo-eye between {LEAST_SHARE:.0%} and {MOST_SHARE:.0%} of it",
            field=field,
        )
    return share
