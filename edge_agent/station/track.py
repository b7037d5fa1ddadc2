"""One item followed over frames: where it is, how fast it goes, where it may be next. Pure."""

from collections import deque
from math import hypot, sqrt

from edge_agent.station.detected import Detected
from edge_agent.station.geometry import centre_px

_POSITION_GAIN = 0.8
# A velocity is measured over this span, so that it does not suffer from frames that came late.
_WINDOW_S = 0.7
_LEAST_WINDOW_S = 0.15
_WINDOW_FRAMES = 64
_SIZE_GAIN = 0.3
# How far from its predicted place an item may be found, in parts of its size: less than half, so
# that of two items touching each other neither takes the other's detection.
_GATE_SIZES = 0.45
_GATE_LEAST_PX = 8.0
# After missed frames the speed of an item is known the less, up to this many of its sizes.
_GATE_DRIFT_SHARE = 0.6
_GATE_MOST_SIZES = 1.0


class Track:
    """One item, followed. Owned and changed by the tracker; others read.

    Attributes:
        track_id: Number within this run.
        x_px: Centre, smoothed.
        y_px: Centre, smoothed.
        width_px: Width, smoothed.
        height_px: Height, smoothed.
        velocity_px_s: Velocity of the centre, (x, y).
        first_at: Time of the first detection, in seconds.
        first_px: Centre at the first detection.
        seen_at: Time of the last detection.
        placed_at: Time of its place: of the last detection, or of what is known since.
        seen_box_px: Box of the last detection.
        seen_scores: float32 [C], its class scores.
        hits: Detections so far.
    """

    def __init__(
        self, track_id: int, first: Detected, at: float, velocity_px_s: tuple[float, float]
    ) -> None:
        box = first.box_xyxy_px
        self.track_id = track_id
        self.x_px, self.y_px = centre_px(box)
        self.width_px, self.height_px = float(box[2] - box[0]), float(box[3] - box[1])
        self.velocity_px_s = velocity_px_s
        self.first_at, self.first_px = at, (self.x_px, self.y_px)
        self.seen_at, self.seen_box_px = at, box
        self.placed_at = at
        self.seen_scores = first.class_scores
        self.hits = 1
        self._recent = deque([(at, self.x_px, self.y_px)], _WINDOW_FRAMES)

    @property
    def size_px(self) -> float:
        """Side of the square with the area of its box."""
        return sqrt(max(1.0, self.width_px * self.height_px))

    def predicted_px(self, at: float) -> tuple[float, float]:
        """Where its centre should be at a time."""
        dt = max(0.0, at - self.placed_at)
        return self.x_px + self.velocity_px_s[0] * dt, self.y_px + self.velocity_px_s[1] * dt

    def gate_px(self, at: float) -> float:
        """How far from there it may be."""
        dt = max(0.0, at - self.seen_at)
        drift = _GATE_DRIFT_SHARE * hypot(*self.velocity_px_s) * dt
        size = self.size_px
        if self.hits == 1 and self.velocity_px_s == (0.0, 0.0):
            return max(_GATE_LEAST_PX, _GATE_MOST_SIZES * size)  # it may move at any speed
        return min(
            max(_GATE_LEAST_PX, _GATE_SIZES * size) + drift,
            max(_GATE_LEAST_PX, _GATE_MOST_SIZES * size),
        )

    def shift(self, x_px: float, y_px: float) -> None:
        """Moves it along with the picture."""
        self.x_px, self.y_px = self.x_px + x_px, self.y_px + y_px

    def carry(self, x_px: float, y_px: float, at: float) -> None:
        """It was carried on to where it is at this time, whether it is seen there or not."""
        self.shift(x_px, y_px)
        self.placed_at = at

    def see(self, detection: Detected, at: float, *, rests: bool) -> None:
        """Takes a detection in; what rests has no velocity."""
        box = detection.box_xyxy_px
        predicted_x, predicted_y = self.predicted_px(at)
        x, y = centre_px(box)
        self.x_px = predicted_x + _POSITION_GAIN * (x - predicted_x)
        self.y_px = predicted_y + _POSITION_GAIN * (y - predicted_y)
        if not rests:
            self._measure_velocity(at, x, y)
        self.width_px += _SIZE_GAIN * (float(box[2] - box[0]) - self.width_px)
        self.height_px += _SIZE_GAIN * (float(box[3] - box[1]) - self.height_px)
        self.seen_at = self.placed_at = at
        self.seen_box_px = box
        self.seen_scores = detection.class_scores
        self.hits += 1

    def _measure_velocity(self, at: float, x_px: float, y_px: float) -> None:
        recent = self._recent
        while len(recent) > 1 and at - recent[0][0] > _WINDOW_S:
            recent.popleft()
        recent.append((at, x_px, y_px))
        then, x_then, y_then = recent[0]
        if at - then >= _LEAST_WINDOW_S:
            self.velocity_px_s = (x_px - x_then) / (at - then), (y_px - y_then) / (at - then)
