"""Which detection is which track's: by place, least in sum, and at most one each. Pure."""

from collections.abc import Sequence
from math import hypot, log

import lap
import numpy as np

from edge_agent.station.detected import Detected
from edge_agent.station.geometry import BoxXyxyPx, centre_px
from edge_agent.station.shift import likeness
from edge_agent.station.track import Track

# A box that lies this far inside another is another view of the same item, not one of its own.
_INSIDE_SHARE = 0.65
# What a change of size by a factor of e costs: of two boxes at one place the like one is the item.
_SIZE_WEIGHT = 0.3
# What it costs to leave a track and a detection alone: more than any good pair, less than two bad
# ones, so that a missed item does not shift its neighbours' tracks by one.
_UNMATCHED = 1.2
_IMPOSSIBLE = 10.0


def assign(
    tracks: Sequence[Track],
    indices: Sequence[int],
    detections: Sequence[Detected],
    at: float,
    looks_weight: float,
) -> list[tuple[Track, int]]:
    """Gives each track at most one of the detections named, at the least sum of costs."""
    if not tracks or not indices:
        return []
    found = [detections[i] for i in indices]
    costs = [_costs(track, found, at, looks_weight) for track in tracks]
    pairs = [
        (row, column)
        for row, of_track in enumerate(costs)
        for column, cost in enumerate(of_track)
        if cost < _UNMATCHED
    ]
    # Mostly none has a choice; where one has, what it takes is weighed against what others lose.
    has_choice = any(len(set(side)) < len(pairs) for side in zip(*pairs, strict=True))
    if has_choice:
        _, columns, _ = lap.lapjv(np.array(costs), extend_cost=True, cost_limit=_UNMATCHED)
        pairs = [pair for pair in enumerate(columns.tolist()) if pair in pairs]
    return [(tracks[row], indices[column]) for row, column in pairs]


def _costs(
    track: Track, detections: Sequence[Detected], at: float, looks_weight: float
) -> list[float]:
    """What it costs to take each of the detections for the track."""
    predicted_x, predicted_y = track.predicted_px(at)
    gate_px, size_px = track.gate_px(at), track.size_px
    costs = []
    for detection in detections:
        x, y = centre_px(detection.box_xyxy_px)
        cost = hypot(x - predicted_x, y - predicted_y) / gate_px
        if looks_weight and cost <= 1.0:
            cost += looks_weight * (1 - likeness(track.seen_scores, detection.class_scores))
        # Beyond the gate a pair is impossible, whatever else would be left over.
        if cost <= 1.0:
            cost += _SIZE_WEIGHT * abs(log(area_px(detection.box_xyxy_px) ** 0.5 / size_px))
        else:
            cost = _IMPOSSIBLE
        costs.append(cost)
    return costs


def is_inside(box: BoxXyxyPx, other: BoxXyxyPx) -> bool:
    """Whether most of the smaller of the two lies in the larger."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return False
    smaller = min(area_px(box), area_px(other))
    return width * height >= _INSIDE_SHARE * smaller


def area_px(box: BoxXyxyPx) -> float:
    """Area of a box, never 0."""
    return max(1e-6, (box[2] - box[0]) * (box[3] - box[1]))


def doubles(tracks: Sequence[Track], birth_hits: int) -> list[Track]:
    """Candidates that came to lie inside an item that is followed already."""
    items = [t for t in tracks if t.hits >= birth_hits]
    return [
        t
        for t in tracks
        if t.hits < birth_hits and any(is_inside(t.seen_box_px, i.seen_box_px) for i in items)
    ]
