"""What stands still in a camera's picture, and how a later picture differs from that. Pure.

Learnt over many pictures while items pass: edges that stay where they are (the belt's frame, a
bench), how sharp they are, and where things move. Whether a difference lasts is left to `faults`.
"""

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LEARNT_PICTURES = 60
"""Pictures, one each half second, from which a scene is learnt."""

_WIDTH_PX = 240
_SHARP_WIDTH_PX = 640
_CELLS = (24, 16)
_RECENT = 5
# An edge that stands still: so much steeper than what is usual in the picture, in grey levels.
_EDGE_LEVELS = 24.0
_LEAST_EDGES_SHARE = 0.004
_SPREAD_PX = 5
_STEADY_LIKENESS = 0.75
# How far a camera is looked for that has moved, as a share of the picture, and from where on.
_SEARCH_SHARE = 0.12
_LEAST_MOVE_PX = 1.5
# Grey levels between two pictures, as a cell's mean, from which something moves there; and the
# share of cells that shows that the belt runs with something on it.
_MOVES_LEVELS = 6.0
_BUSY_LEVELS = 2.0
_MOVING_SHARE = 0.02
_SLOW_GAIN = 1 / 40
_FINE_GAIN = 1 / 8
_SHARP_SURELY = 0.6
_NUDGE_PX = 8
# A cell is dead that changes by so much less than others, against how it was learnt.
_DEAD_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class Looks:
    """What one picture shows.

    Attributes:
        edges: float32 [h, w]: how steep it is at each point, 240 points wide.
        fine: float32 [H, W]: its Laplacian, at most 640 points wide.
        levels: float32 [16, 24]: mean grey level of each cell, 0..255.
    """

    edges: Floats
    fine: Floats
    levels: Floats


@dataclass(frozen=True, eq=False)
class SceneReference:
    """What a camera's picture is like when all is well.

    Attributes:
        picture_px: Width and height of the pictures.
        edges: float32 [h, w]: steepness of what stands still, 0 elsewhere.
        steepness: How steep it is on average where it stands, and close around.
        fine: float32 [H, W]: Laplacian of what stands still, 0 elsewhere.
        activity: float32 [16, 24]: by how many levels each cell changes between pictures while
            items pass.
    """

    picture_px: tuple[int, int]
    edges: Floats
    steepness: float
    fine: Floats
    activity: Floats

    @property
    def has_landmarks(self) -> bool:
        """Whether enough stands still to tell a camera that was moved or is out of focus."""
        return float(np.mean(self.edges > 0)) >= _LEAST_EDGES_SHARE


@dataclass(frozen=True)
class Difference:
    """How the latest pictures differ from a reference.

    Attributes:
        likeness: Correlation of what stands still with where it should be, -1..1.
        moved_to: Correlation at the best other place; as `likeness` where none was looked for.
        moved_px: How far that is, (x, y) in the picture's pixels.
        sharpness: Of its edges, in parts of the reference's.
        dead_cells: Most cells side by side in which nothing is seen any more: of 384.
        is_judged: Whether enough moved since the beginning to count dead cells.
    """

    likeness: float
    moved_to: float
    moved_px: tuple[float, float]
    sharpness: float
    dead_cells: int
    is_judged: bool


def look(image_bgr: NDArray[np.uint8]) -> Looks:
    """Measures a picture, uint8 [height, width, 3], 0..255 BGR; some milliseconds at most."""
    grey = image_bgr[:, :, 1]
    height_px, width_px = grey.shape
    if width_px > _SHARP_WIDTH_PX:
        size = _SHARP_WIDTH_PX, max(16, round(height_px * _SHARP_WIDTH_PX / width_px))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    fine = cv2.Laplacian(grey, cv2.CV_32F)
    small_size = _WIDTH_PX, max(16, round(height_px * _WIDTH_PX / width_px))
    small = cv2.resize(grey, small_size, interpolation=cv2.INTER_AREA)
    edges = cv2.magnitude(cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1))
    levels = cv2.resize(small, _CELLS, interpolation=cv2.INTER_AREA)
    return Looks(
        np.asarray(edges, np.float32),
        np.asarray(fine, np.float32),
        np.asarray(levels, np.float32),
    )


class SceneLearner:
    """Learns a reference from pictures. For use from one thread."""

    def __init__(self) -> None:
        self._edges: list[Floats] = []
        self._levels: list[Floats] = []
        self._fine: Floats | None = None

    def learn(self, looks: Looks, picture_px: tuple[int, int]) -> SceneReference | None:
        """Takes in one picture; returns the reference once it is known."""
        if self._fine is None or self._fine.shape != looks.fine.shape:
            self._edges, self._levels = [], []
            self._fine = np.zeros_like(looks.fine)
        self._edges.append(looks.edges)
        self._levels.append(looks.levels)
        # Signed, so that noise and what passes cancel out.
        self._fine += looks.fine / LEARNT_PICTURES
        if len(self._edges) < LEARNT_PICTURES:
            return None
        return _reference(self._edges, self._levels, self._fine, picture_px)


def _reference(
    edges_seen: list[Floats], levels_seen: list[Floats], fine: Floats, picture_px: tuple[int, int]
) -> SceneReference:
    all_edges = np.stack(edges_seen)
    low, usual = np.percentile(all_edges, (20, 50), axis=0)
    # What stands still is steep in almost every picture, and always at the same place.
    stands = low > np.median(usual) + _EDGE_LEVELS
    edges = np.where(stands, usual, 0).astype(np.float32)
    around = _around(edges)
    if stands.any():
        likenesses = [_correlation(edges[around], seen[around]) for seen in edges_seen]
        if np.percentile(likenesses, 10) < _STEADY_LIKENESS:
            edges[:] = 0  # nothing stands so still that it could tell where the camera looks
    size = fine.shape[1], fine.shape[0]
    is_near = cv2.resize(_around(edges).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    levels = np.stack(levels_seen)
    changes = np.abs(np.diff(levels, axis=0))
    moving = np.array([_moves(change) for change in changes])
    activity = (
        changes[moving].mean(axis=0)
        if moving.sum() >= LEARNT_PICTURES // 4
        else np.zeros_like(changes[0])
    )
    return SceneReference(
        picture_px,
        edges,
        float(usual[around].mean()) if around.any() else 0.0,
        np.where(is_near, fine, 0).astype(np.float32),
        activity.astype(np.float32),
    )


def _around(edges: Floats) -> NDArray[np.bool_]:
    """Where something stands, and close around."""
    spread = np.ones((_SPREAD_PX, _SPREAD_PX), np.uint8)
    return np.asarray(cv2.dilate((edges > 0).astype(np.uint8), spread) > 0)


def _moves(change: Floats) -> bool:
    return float(np.mean(change > _MOVES_LEVELS)) >= _MOVING_SHARE


class SceneWatch:
    """Holds pictures against a reference. For use from one thread.

    Args:
        reference: What they should look like.
    """

    def __init__(self, reference: SceneReference) -> None:
        self.reference = reference
        self._recent: deque[Looks] = deque(maxlen=_RECENT)
        self._activity = reference.activity.copy()
        self._fine: Floats | None = None
        self._moving = 0
        self._around = _around(reference.edges)

    def compare(self, looks: Looks) -> Difference | None:
        """Takes in one picture; None until a few are known."""
        if self._recent:
            change = np.abs(looks.levels - self._recent[-1].levels)
            if _moves(change):
                self._moving += 1
                self._activity += _SLOW_GAIN * (change - self._activity)
        self._recent.append(looks)
        if self._fine is None:
            self._fine = looks.fine.copy()
        self._fine += _FINE_GAIN * (looks.fine - self._fine)
        if len(self._recent) < _RECENT:
            return None
        dead, is_judged = self._dead_cells(), self._moving >= 3 / _SLOW_GAIN
        if not self.reference.has_landmarks:
            return Difference(1.0, 1.0, (0.0, 0.0), 1.0, dead, is_judged)
        edges = np.median(np.stack([recent.edges for recent in self._recent]), axis=0)
        sharpness = self._sharpness_ratio(float(edges[self._around].mean()))
        likeness = _correlation(self.reference.edges[self._around], edges[self._around])
        moved_to, moved_px = likeness, (0.0, 0.0)
        if likeness < 0.7:
            moved_to, moved_px = self._moved(edges.astype(np.float32), likeness)
        return Difference(likeness, moved_to, moved_px, sharpness, dead, is_judged)

    def _sharpness_ratio(self, steepness: float) -> float:
        """How sharp what stands still is, whatever the light: a blur leaves the steps' heights."""
        assert self._fine is not None
        reference = self.reference.fine
        if self._fine.shape != reference.shape:
            return 1.0
        own = max(1e-6, float(np.vdot(reference, reference)))
        light = max(1e-2, steepness / self.reference.steepness)
        ratio = float(np.vdot(reference, self._fine)) / own / light
        if ratio >= _SHARP_SURELY:
            return ratio
        # A camera that was nudged by a pixel or two is no less sharp.
        by = _NUDGE_PX
        padded = cv2.copyMakeBorder(self._fine, by, by, by, by, cv2.BORDER_REPLICATE)
        fits = cv2.matchTemplate(padded, reference, cv2.TM_CCORR)
        return max(ratio, float(fits.max()) / own / light)

    def _moved(self, edges: Floats, likeness: float) -> tuple[float, tuple[float, float]]:
        """The best other place of what stands still, within the part that is searched."""
        height, width = edges.shape
        across, down = round(_SEARCH_SHARE * width), round(_SEARCH_SHARE * height)
        padded = cv2.copyMakeBorder(edges, down, down, across, across, cv2.BORDER_REPLICATE)
        fits = cv2.matchTemplate(padded, self.reference.edges, cv2.TM_CCOEFF_NORMED)
        _, best, _, place = cv2.minMaxLoc(fits)
        x, y = place[0] - across, place[1] - down
        if np.hypot(x, y) < _LEAST_MOVE_PX:
            return likeness, (0.0, 0.0)
        here = float(fits[down, across])
        scale = self.reference.picture_px[0] / width
        return likeness + max(0.0, best - here), (x * scale, y * scale)

    def _dead_cells(self) -> int:
        """Cells side by side in which nothing moves any more."""
        reference = self.reference
        busy = reference.activity > _BUSY_LEVELS
        if not busy.any():
            return 0
        # Fewer items than when it was learnt are no fault: what counts is a cell among the others.
        share = self._activity / np.maximum(reference.activity, 1e-3)
        still = busy & (share < _DEAD_SHARE * np.median(share[busy]))
        count, _, stats, _ = cv2.connectedComponentsWithStats(still.astype(np.uint8))
        return int(stats[1:, cv2.CC_STAT_AREA].max()) if count > 1 else 0


def _correlation(one: Floats, other: Floats) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / scale if scale > 0 else 0.0
