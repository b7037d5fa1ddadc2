"""Holds the photo-eye's edges against the items that the camera follows. Pure.

The beam lies across the belt at a known place: it breaks when the front of an item comes there and
closes behind its rear. Whether an edge belongs to an item is asked of places, not of times, so that
a belt may stand or creep in between. What becomes of an item that nobody saw is the station's.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.station.eye_words import EyeEdge, EyeUpdate, Passing, Unseen
from edge_agent.station.way import Way

# An item is one for the tracker after a few frames: an edge waits for it so long.
_PATIENCE_S = 0.6
# Edges that come by a network are late: an item waits so long for its own.
_EDGE_LATE_S = 0.3
_REMEMBERED_S = 3.0
# What has been out of sight for longer may have been taken off: an edge then is another's. Better
# one item in the books twice than one in none.
_HIDDEN_S = 0.8
# What touches an item from behind and is not seen must break the beam for so many tolerances.
_BEHIND_TOLERANCES = 2.0
_MAX_BLOCKS = 64
_MAX_LOST = 16
# A clock was set where an edge is so much younger than the frames, or one frame than another.
_CLOCK_S = 5.0
_COUNTED = ("edges", "matched", "joined", "missed", "repeated", "unseen", "lost")
# So many items in a row without an edge make an alarm; so many with one end it.
_ALARM_ITEMS = 3
_OFFSET_GAIN = 0.1


@dataclass(eq=False)
class _Block:
    """The beam, broken for a while.

    Attributes:
        began_at: Since when.
        ended_at: Until when; None while it is broken.
        is_placed: False where its edge was lost: then it was some time before `began_at`.
        is_known: Whether it is clear what came into the beam.
        key: The track that did; None where nobody saw it.
    """

    began_at: float
    ended_at: float | None = None
    is_placed: bool = True
    is_known: bool = False
    key: int | None = None


class PhotoEye:
    """The beam of one station.

    Args:
        place_px: Where it crosses the belt, from the zone's entry edge along the travel.
        tolerance_px: How far off that place an item's edge may be when the beam tells of it.

    Attributes:
        counts: How often each field of `EyeUpdate` came, and the `edges` and those `lost`.
        unseen_at: When the last passed that nobody saw.
        offset_px: How far past its place the fronts of items are when it tells of them, on average.
    """

    def __init__(self, place_px: float, tolerance_px: float) -> None:
        self.place_px, self.tolerance_px = place_px, tolerance_px
        self.counts = Counter(dict.fromkeys(_COUNTED, 0))
        self.unseen_at: float | None = None
        self._blocks: deque[_Block] = deque()
        self._ways: dict[int, Way] = {}
        self._done: set[int] = set()
        self._missed: deque[int] = deque(maxlen=_MAX_LOST)
        self._in_a_row = 0
        self._misses = False
        self.offset_px = 0.0
        self._at: float | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether something is in the beam, or an edge is not understood yet."""
        return bool(self._blocks)

    @property
    def misses_items(self) -> bool:
        """Whether items pass without an edge again and again: it is dirty, askew or dead."""
        return self._misses

    @property
    def broken_since(self) -> float | None:
        """Since when the beam is broken; None where it is whole."""
        latest = self._blocks[-1] if self._blocks else None
        return None if latest is None or latest.ended_at is not None else latest.began_at

    def take(self, edges: Sequence[EyeEdge]) -> None:
        """Takes in what the eye told, in order."""
        for edge in edges:
            self.counts["lost"] += edge.lost
            lost = min(edge.lost, _MAX_LOST)
            # Edges take turns: so many of those lost told that the beam was broken.
            for _ in range(lost // 2 if edge.is_broken else (lost + 1) // 2):
                self._add(_Block(edge.at, edge.at, is_placed=False))
            if edge.is_broken:
                self._add(_Block(edge.at))
            elif self._blocks and self._blocks[-1].ended_at is None:
                self._blocks[-1].ended_at = edge.at

    def observe(
        self, passing: Sequence[Passing], at: float, *, judges: bool, is_heard: bool
    ) -> EyeUpdate:
        """Takes in one frame.

        Args:
            passing: The tracks in the zone.
            at: When the frame was captured, in seconds since the epoch.
            judges: Whether it is clear what was in the zone at the start: what nobody saw is told.
            is_heard: Whether edges come through; else no item is missed by the eye.
        """
        self._follow(passing, at)
        matched, repeated, unseen = list[int](), list[int](), list[Unseen]()
        for block in tuple(self._blocks):
            block.began_at = at if block.began_at > at + _CLOCK_S else block.began_at
            if not block.is_known and block.began_at <= at:
                self._explain(block, matched, repeated)
            if not block.is_known and judges and at - block.began_at >= _PATIENCE_S:
                block.is_known = True
                unseen.append(self._unseen(block))
            if block.is_known and block.ended_at is not None and block.ended_at <= at:
                if block.key is not None and at - block.ended_at < _EDGE_LATE_S:
                    continue
                self._blocks.remove(block)
                unseen += self._behind(block)
        joined, missed = self._passed(at, is_heard)
        return self._counted(
            EyeUpdate(tuple(matched), joined, missed, tuple(repeated), tuple(unseen))
        )

    def _add(self, block: _Block) -> None:
        self.counts["edges"] += 1
        if self._blocks and self._blocks[-1].ended_at is None:
            self._blocks[-1].ended_at = block.began_at
        if len(self._blocks) >= _MAX_BLOCKS:
            self._blocks.popleft()
        self._blocks.append(block)

    def _follow(self, passing: Sequence[Passing], at: float) -> None:
        if self._at is not None and not 0 <= at - self._at <= _CLOCK_S:
            self._ways.clear()
            self._blocks.clear()
        self._at = at
        for track in passing:
            self._ways.setdefault(track.key, Way()).see(track.ends, track.speed_px_s)
        for key, way in list(self._ways.items()):
            if at - way.ends[-1].at > _REMEMBERED_S:
                del self._ways[key]
                self._done.discard(key)

    def _explain(self, block: _Block, matched: list[int], repeated: list[int]) -> None:
        """Finds the track that came into the beam, if any did."""
        if not block.is_placed:
            if self._missed:
                block.is_known = True
                matched.append(self._found_late(self._missed[0]))
            return
        ends = {
            key: way.at(block.began_at)
            for key, way in self._ways.items()
            if block.began_at - way.ends[-1].at <= _HIDDEN_S
        }
        off_px = {key: e.front_px - self.place_px for key, e in ends.items()}
        fronts = {key: abs(off) for key, off in off_px.items() if key not in self._done}
        nearest = min(fronts, key=fronts.__getitem__, default=None)
        if nearest is not None and fronts[nearest] <= self.tolerance_px:
            self.offset_px += _OFFSET_GAIN * (off_px[nearest] - self.offset_px)
            self._done.add(nearest)
            block.is_known, block.key = True, nearest
            matched.append(nearest)
            return
        slack_px = self.tolerance_px / 2
        for key in self._done & ends.keys():
            rear_px, front_px = ends[key].rear_px - slack_px, ends[key].front_px + slack_px
            if rear_px <= self.place_px <= front_px:
                block.is_known, block.key = True, key
                if key in self._missed:
                    matched.append(self._found_late(key))
                else:
                    repeated.append(key)
                return

    def _found_late(self, key: int) -> int:
        """A track that seemed to have no edge has it after all."""
        self._missed.remove(key)
        self.counts["missed"] -= 1
        return key

    def _unseen(self, block: _Block) -> Unseen:
        speed_px_s = max((abs(way.speed_px_s) for way in self._ways.values()), default=0.0)
        lasted_s = 0.0 if block.ended_at is None else block.ended_at - block.began_at
        length_px = speed_px_s * lasted_s
        return Unseen(block.began_at, self.place_px - length_px / 2, length_px)

    def _behind(self, block: _Block) -> list[Unseen]:
        """Finds what touched an item of ours from behind: the beam was broken for too long."""
        if block.key is None or block.ended_at is None:
            return []
        reach_px = _BEHIND_TOLERANCES * self.tolerance_px
        ends = [way.at(block.ended_at) for way in self._ways.values()]
        rears_px = [e.rear_px for e in ends if e.front_px >= self.place_px - reach_px]
        beyond_px = min(rears_px, default=self.place_px) - self.place_px
        if beyond_px <= reach_px:
            return []
        return [Unseen(block.ended_at, self.place_px + beyond_px / 2, beyond_px)]

    def _passed(self, at: float, is_heard: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Finds the tracks that have passed without an edge: joined to one before, or missed."""
        joined, missed = [], []
        for key, way in self._ways.items():
            is_past = way.at(at - _EDGE_LATE_S).front_px > self.place_px + self.tolerance_px
            was_seen_past = way.ends[-1].front_px > self.place_px  # else it may have been taken off
            if key in self._done or not is_past or not was_seen_past:
                continue
            self._done.add(key)
            if way.ends[0].front_px > self.place_px - self.tolerance_px:
                continue  # when it was seen first, it was in the beam or past it
            if self._touches_one_before(key):
                joined.append(key)
            elif is_heard:
                missed.append(key)
                self._missed.append(key)
        return tuple(joined), tuple(missed)

    def _touches_one_before(self, key: int) -> bool:
        """Whether the beam stayed broken from another track until this one came."""
        at = self._ways[key].crossed_at(self.place_px)
        if not any(b.is_known and b.began_at <= at <= (b.ended_at or at) for b in self._blocks):
            return False
        before = [way.at(at) for other, way in self._ways.items() if other in self._done - {key}]
        rear_px, front_px = self.place_px + self.tolerance_px, self.place_px
        return any(e.rear_px <= rear_px and e.front_px >= front_px for e in before)

    def _counted(self, update: EyeUpdate) -> EyeUpdate:
        for name, happened in vars(update).items():
            self.counts[name] += len(happened)
        self.unseen_at = max((seen.at for seen in update.unseen), default=self.unseen_at)
        in_a_row = self._in_a_row - len(update.matched) + len(update.missed)
        self._in_a_row = min(_ALARM_ITEMS, max(0, in_a_row))
        if self._in_a_row in (0, _ALARM_ITEMS):
            self._misses = self._in_a_row > 0
        return update
