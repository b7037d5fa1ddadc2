"""Lets what was recorded pass a station, by the rules of the agent, and judges every item. Pure.

Barcodes, sizes and orders are not replayed: what is judged is the shape, as the camera shows it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from edge_agent.station.geometry import BoxXyxyPx, StationGeometry
from edge_agent.station.items import Decided, Rules
from edge_agent.station.station import Station, StationSettings
from training.evaluate.items import ItemDecision, JudgedItem
from training.evaluate.items_recording import IGNORED, NOTHING, RecordedFrame, Recording

DECIDE_AT = 0.6
_Seen = list[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class _Box:
    """A recorded detection, as the station wants it."""

    box_xyxy_px: BoxXyxyPx
    score: float
    class_scores: NDArray[np.float32]


def replay(recording: Recording, rules: Rules) -> list[JudgedItem]:
    """Decides what was recorded by a release's rules.

    Returns:
        Every item that passed, and whatever else the station took for one.
    """
    size_px = recording.width_px, recording.height_px
    numbers = count(1)
    station = Station(
        StationGeometry((0, 0, *size_px), recording.travel, DECIDE_AT),
        rules,
        StationSettings(),
        lambda: str(next(numbers)),
    )
    seen_of: defaultdict[str, _Seen] = defaultdict(list)
    decisions: defaultdict[int, list[ItemDecision]] = defaultdict(list)
    of_nothing: list[ItemDecision] = []

    def take(decided: tuple[Decided, ...]) -> None:
        for each in decided:
            seen = tuple(seen_of[each.item_id])
            true_id = _true_id(recording, seen)
            if true_id == NOTHING:
                of_nothing.append(_decision(each, seen))
            elif true_id != IGNORED:
                decisions[true_id].append(_decision(each, seen))

    for index, frame in enumerate(recording.frames):
        update = station.observe(list(_boxes(frame)), *size_px, frame.at_s)
        for item, row in update.seen:
            seen_of[item.item_id].append((index, row))
        take(update.decided)
    take(station.finish(recording.frames[-1].at_s).decided)
    judged = [
        JudgedItem(recording.name, item, tuple(decisions[item.item_id])) for item in recording.items
    ]
    return judged + [JudgedItem(recording.name, None, (decision,)) for decision in of_nothing]


def _true_id(recording: Recording, seen: tuple[tuple[int, int], ...]) -> int:
    """The item that most of its frames show; where as many show another, the one seen later."""
    counts = Counter(int(recording.frames[index].true_ids[row]) for index, row in reversed(seen))
    return max(counts, key=counts.__getitem__, default=NOTHING)


def _decision(decided: Decided, seen: tuple[tuple[int, int], ...]) -> ItemDecision:
    decision = decided.decision
    return ItemDecision(
        decision.outcome,
        decision.product.sku if decision.product is not None else None,
        decision.class_name,
        decision.probability or 0.0,
        decision.rule,
        decision.reason,
        seen,
    )


def _boxes(frame: RecordedFrame) -> Iterator[_Box]:
    for box, score, class_scores in zip(
        frame.boxes.tolist(), frame.scores.tolist(), frame.class_scores, strict=True
    ):
        yield _Box((box[0], box[1], box[2], box[3]), score, class_scores)
