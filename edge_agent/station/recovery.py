"""Recognises items that were out of sight: over a restart, a camera's gap, an occlusion. Pure.

A belt moves everything on it by the same way. So each way that it can have moved is tried; it
explains which item is which, and it may contradict what is seen (an item that should be there is
not; one is there that cannot have come in). Only what every possible way agrees on is recognised:
the least contradictory ones, and those that explain something and need no more than an item or two
that nobody had noticed, for evenly spaced twins hide such an item without any contradiction. What
then happens to an item is left to the station's loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from beltmark.contract.terms import Outcome
from edge_agent.station.geometry import StationGeometry

# Shares of an item's size: how far off its place it may be found, and how finely ways are tried.
_SLACK_SIZES = 0.35
_SLACK_LEAST_PX = 6.0
_STEPS_PER_SLACK = 3
_MAX_STEPS = 400
# Share of the zone at its entry and exit in which an item may be seen or not.
_EDGE_SHARE = 0.15
_SPEED_TOLERANCE = 1.1
# So many items may have been hidden until now (by a hand, by each other), or laid onto the belt.
_UNNOTICED_ITEMS = 2


@dataclass(frozen=True)
class Remembered:
    """An item as it was last seen.

    Attributes:
        item_id: Its identity.
        x_px: Centre.
        y_px: Centre.
        size_px: Side of the square with the area of its box.
        class_name: What it looked like, if it was known.
        seen_at: When, in seconds.
        outcome: Its outcome; None while it was undecided.
    """

    item_id: str
    x_px: float
    y_px: float
    size_px: float
    class_name: str | None
    seen_at: float
    outcome: Outcome | None


@dataclass(frozen=True)
class Unexplained:
    """An item that is seen and did not come in by the entry edge."""

    key: int
    x_px: float
    y_px: float
    size_px: float
    class_name: str | None


@dataclass(frozen=True)
class _Way:
    """What follows if the belt has moved by one certain way.

    Attributes:
        missing: Items that should be seen and are not.
        inexplicable: Items that are seen and cannot have come in.
        partners: Which remembered item each unexplained one is, by its key.
    """

    missing: int
    inexplicable: int
    partners: dict[int, str]


@dataclass(frozen=True)
class Recognised:
    """What became of one unexplained item.

    Attributes:
        item_id: The remembered item that it is; None where that is not certain.
        candidates: The remembered items that it could be.
    """

    item_id: str | None
    candidates: tuple[str, ...] = ()


def farthest_way_px(geometry: StationGeometry, speed_px_s: float | None, moving_s: float) -> float:
    """How far the belt can have moved at most.

    Args:
        geometry: The station's.
        speed_px_s: Speed of the running belt, None where it is not known.
        moving_s: For how long it can have run; negative when the clock was set back.
    """
    if not geometry.is_belt:
        return 0.0
    if speed_px_s is None or moving_s < 0:
        return 2 * geometry.length_px
    return min(2 * geometry.length_px, _SPEED_TOLERANCE * speed_px_s * moving_s)


def could_have_come_to(
    item: Remembered, x_px: float, y_px: float, size_px: float, geometry: StationGeometry
) -> bool:
    """Whether a belt that runs forward can have carried an item to this place."""
    slack_px = _slack_px(min(size_px, item.size_px))
    ahead_px = geometry.along_px(x_px, y_px) - geometry.along_px(item.x_px, item.y_px)
    aside_px = geometry.across_px(x_px, y_px) - geometry.across_px(item.x_px, item.y_px)
    return ahead_px >= -slack_px and abs(aside_px) <= slack_px


def recognise(
    unexplained: Sequence[Unexplained],
    remembered: Sequence[Remembered],
    geometry: StationGeometry,
    farthest_px: float,
) -> dict[int, Recognised]:
    """Returns for each unexplained item's key which remembered item it is, if that is certain."""
    candidates: dict[int, set[str | None]] = {seen.key: set() for seen in unexplained}
    if remembered:
        ways = [
            _try_way(way, unexplained, remembered, geometry)
            for way in _ways_px(unexplained, remembered, farthest_px)
        ]
        for way in _possible(ways):
            for seen in unexplained:
                candidates[seen.key].add(way.partners.get(seen.key))
    told: dict[int, Recognised] = {}
    for key, possible in candidates.items():
        named = tuple(sorted(p for p in possible if p is not None))
        certain = len(named) == 1 and None not in possible
        told[key] = Recognised(named[0] if certain else None, named)
    return told


def _possible(ways: Sequence[_Way]) -> list[_Way]:
    """Returns the ways that the belt may truly have moved.

    Unnoticed items excuse only a way that explains something as well: that all have left, and only
    unnoticed items are seen, could be said of anything near the exit.
    """
    least = min(way.missing + way.inexplicable for way in ways)
    excused = [way for way in ways if way.partners]
    least_excess = min((_excess(way) for way in excused), default=0)
    return [
        *(way for way in ways if way.missing + way.inexplicable == least),
        *(way for way in excused if _excess(way) == least_excess),
    ]


def _excess(way: _Way) -> int:
    """Its contradictions beyond what unnoticed items explain."""
    return way.missing + max(0, way.inexplicable - _UNNOTICED_ITEMS)


def _ways_px(
    unexplained: Sequence[Unexplained], remembered: Sequence[Remembered], farthest_px: float
) -> list[float]:
    least_size = min([*(u.size_px for u in unexplained), *(r.size_px for r in remembered)])
    step = _slack_px(least_size) / _STEPS_PER_SLACK
    count = min(_MAX_STEPS, int(farthest_px / step) + 1)
    return [farthest_px * i / count for i in range(count + 1)]


def _try_way(
    way_px: float,
    unexplained: Sequence[Unexplained],
    remembered: Sequence[Remembered],
    geometry: StationGeometry,
) -> _Way:
    dx, dy = geometry.direction
    pairs = sorted(
        (distance, seen.key, item.item_id)
        for seen in unexplained
        for item in remembered
        if (distance := _distance_px(seen, item, dx * way_px, dy * way_px)) is not None
    )
    partners: dict[int, str] = {}
    for _, key, item_id in pairs:
        if key not in partners and item_id not in partners.values():
            partners[key] = item_id
    edge_px = _EDGE_SHARE * geometry.length_px
    missing = sum(
        item.item_id not in partners.values() and _must_be_seen(item, way_px, geometry, edge_px)
        for item in remembered
    )
    inexplicable = sum(
        seen.key not in partners
        and (not geometry.is_belt or geometry.along_px(seen.x_px, seen.y_px) - way_px > edge_px)
        for seen in unexplained
    )
    return _Way(missing, inexplicable, partners)


def _must_be_seen(
    item: Remembered, way_px: float, geometry: StationGeometry, edge_px: float
) -> bool:
    if not geometry.is_belt:
        return False  # people take things off a bench
    along_px = geometry.along_px(item.x_px, item.y_px) + way_px
    return edge_px <= along_px <= geometry.length_px - edge_px


def _distance_px(
    seen: Unexplained, item: Remembered, moved_x_px: float, moved_y_px: float
) -> float | None:
    """How far the item is from where it should be; None where it cannot be the same."""
    if None not in (seen.class_name, item.class_name) and seen.class_name != item.class_name:
        return None
    slack_px = _slack_px(min(seen.size_px, item.size_px))
    off_x, off_y = seen.x_px - item.x_px - moved_x_px, seen.y_px - item.y_px - moved_y_px
    distance = float((off_x**2 + off_y**2) ** 0.5)
    return distance if distance <= slack_px else None


def _slack_px(size_px: float) -> float:
    return max(_SLACK_LEAST_PX, _SLACK_SIZES * size_px)
