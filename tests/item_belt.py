"""A belt of blobs whose items are known: each fate can be planted. Implements a source of items."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from blob_station import BLUE, FPS, GREEN, HEIGHT_PX, RED, WIDTH_PX, picture, write_release

from beltmark.contract.release import Release, load_release
from training.evaluate.items import TrueItem
from training.evaluate.items_belts import Looking, observed
from training.evaluate.items_recording import RecordedFrame, Recording

CARTON = TrueItem(1, "carton", ("CARTON-01",))
FOREIGN = TrueItem(7, "none_of_these", ())
_STEP_PX = 10
_GAP_FRAMES = 6
_STILL_FRAMES = 15


@dataclass(frozen=True)
class Pass:
    """One blob that passes.

    Attributes:
        colour: BGR; None is not to be seen.
        true: What it is; None where there is nothing.
    """

    colour: tuple[int, int, int] | None
    true: TrueItem | None


PLANTED = (
    Pass(RED, CARTON),
    Pass(RED, TrueItem(2, "tube", ("TUBE-01",))),
    Pass(GREEN, TrueItem(3, "tube", ("TUBE-01",))),
    Pass(GREEN, TrueItem(3, "tube", ("TUBE-01",))),
    Pass(BLUE, TrueItem(4, "carton", ("CARTON-01",))),
    Pass(None, TrueItem(5, "tube", ("TUBE-01",))),
    Pass(GREEN, TrueItem(6, "none_of_these", ())),
    Pass(BLUE, FOREIGN),
    Pass(RED, None),
)
"""Right, wrong, twice (it passes two times), review, missed, foreign printed, foreign left; nothing
is there."""


@dataclass(frozen=True)
class ItemBelt:
    """Blobs that pass one after the other; implements `items_sources.Source`."""

    passes: tuple[Pass, ...] = PLANTED
    name: str = "belt 1"

    @property
    def group(self) -> str:
        return self.name

    @property
    def identity(self) -> dict[str, object]:
        return {"belt": self.name}

    def record(self, detector: Looking) -> Recording:
        frames = []
        for index, (image, seen) in enumerate(self._frames()):
            frames.append(self._observed(detector, image, index / FPS, seen))
        items = {each.true.item_id: each.true for each in self.passes if each.true is not None}
        return Recording(
            self.name, self.group, WIDTH_PX, HEIGHT_PX, "right", tuple(frames), (*items.values(),)
        )

    def pictures(self, wanted: Collection[int]) -> dict[int, np.ndarray]:
        return {i: image for i, (image, _) in enumerate(self._frames()) if i in wanted}

    def _frames(self) -> list[tuple[np.ndarray, tuple[Pass, float] | None]]:
        frames: list[tuple[np.ndarray, tuple[Pass, float] | None]] = []
        for each in self.passes:
            gap = _GAP_FRAMES if frames else _STILL_FRAMES
            frames += [(picture(None, RED, seed), None) for seed in range(gap)]
            for x_px in range(-20, WIDTH_PX + 21, _STEP_PX):
                shown = None if each.colour is None else float(x_px)
                image = picture(shown, each.colour or RED, len(frames))
                frames.append((image, (each, float(x_px))))
        return frames + [(picture(None, RED, seed), None) for seed in range(_STILL_FRAMES)]

    @staticmethod
    def _observed(
        detector: Looking, image: np.ndarray, at_s: float, seen: tuple[Pass, float] | None
    ) -> RecordedFrame:
        boxes, ids = [], []
        if seen is not None and seen[0].true is not None and -15 < seen[1] < WIDTH_PX + 15:
            left, right = max(0.0, seen[1] - 20), min(float(WIDTH_PX), seen[1] + 20)
            boxes, ids = [(left, 60.0, right, 100.0)], [seen[0].true.item_id]
        return observed(
            detector,
            image,
            at_s,
            item_ids=np.array(ids, np.int64),
            item_boxes=np.array(boxes, np.float32).reshape(-1, 4),
            ignored=np.zeros((0, 4), np.float32),
        )


def blob_release(folder: Path) -> Release:
    """A release whose model finds blobs."""
    return load_release(write_release(folder / "release"))
