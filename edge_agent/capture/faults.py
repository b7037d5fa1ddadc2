"""Says what is wrong with a camera's pictures: once it has lasted, until it is well again. Pure.

Black and frozen are seen at once; that a camera was moved, is out of focus or looks through a dirty
lens is told from what it saw before (`scene`). Keeping that over a restart is left to
`reference_file`, what a fault means for the belt to the agent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_agent.capture.health import PictureFault, PictureHealth
from edge_agent.capture.scene import Difference, SceneLearner, SceneReference, SceneWatch, look

Verdict = Literal["bad", "good", "unsure"]

_MOVED_LIKENESS = 0.5
_STAYED_LIKENESS = 0.65
_BETTER_ELSEWHERE = 0.15
_LOST_LIKENESS = 0.3
_BLURRED_SHARPNESS = 0.3
_SHARP_SHARPNESS = 0.5
# Of 384 cells: about what hides an item's features.
_DEAD_CELLS = 7
_FEW_DEAD_CELLS = 3


@dataclass(frozen=True)
class Lasting:
    """How long a fault must last before it is told, and be away before it is over, in seconds."""

    begins_after_s: float
    ends_after_s: float


LASTING: dict[PictureFault, Lasting] = {
    "frozen": Lasting(0.0, 0.0),
    "black": Lasting(0.0, 1.0),
    "moved": Lasting(3.0, 3.0),
    "blurred": Lasting(3.0, 3.0),
    "dirty": Lasting(20.0, 20.0),
}
"""In the order in which they are told: the first hides the others."""


class Lasted:
    """One fault with hysteresis.

    Args:
        lasting: How long it must last.

    Attributes:
        is_on: Whether it is told.
    """

    def __init__(self, lasting: Lasting) -> None:
        self._lasting = lasting
        self.is_on = False
        self._other_since: float | None = None

    def judge(self, verdict: Verdict, at: float) -> bool:
        """Takes in a verdict at a time in seconds; between good and bad, all stays as it is."""
        is_other = verdict == ("good" if self.is_on else "bad")
        if not is_other:
            self._other_since = None
            return self.is_on
        if self._other_since is None or at < self._other_since:
            self._other_since = at
        wait_s = self._lasting.ends_after_s if self.is_on else self._lasting.begins_after_s
        if at - self._other_since >= wait_s:
            self.is_on, self._other_since = not self.is_on, None
        return self.is_on


class PictureWatch:
    """Watches the pictures of one camera. For use from one thread.

    Args:
        frozen_after_s: Time of one and the same picture after which it counts as frozen.
        reference: What an earlier run learnt; None learns anew.
        learnt: Called once with what was learnt.
        watches_place: Whether the camera has a place: one that is moved over resting goods has not.
    """

    def __init__(
        self,
        frozen_after_s: float,
        *,
        reference: SceneReference | None = None,
        learnt: Callable[[SceneReference], None] = lambda _: None,
        watches_place: bool = False,
    ) -> None:
        self._frozen_after_s, self._learnt, self._has_place = frozen_after_s, learnt, watches_place
        self._glance = PictureHealth(None, 0.0)
        self._learner = SceneLearner()
        self._scene = None if reference is None else SceneWatch(reference)
        self._faults = {fault: Lasted(lasting) for fault, lasting in LASTING.items()}

    def after(self, image_bgr: NDArray[np.uint8], at: float) -> PictureFault | None:
        """Takes in a picture, uint8 [H, W, 3] 0..255 BGR, of the time `at`; returns the fault."""
        self._glance = self._glance.after(image_bgr, at, self._frozen_after_s)
        seen = self._glance.fault
        verdicts: dict[PictureFault, Verdict] = {
            "frozen": _verdict(seen == "frozen"),
            "black": _verdict(seen == "black"),
        }
        if self._has_place and seen not in ("frozen", "black"):
            verdicts |= self._compare(image_bgr, is_sharp=seen != "blurred")
        elif seen not in ("frozen", "black"):
            verdicts["blurred"] = _verdict(seen == "blurred")
        for fault, verdict in verdicts.items():
            self._faults[fault].judge(verdict, at)
        return next((fault for fault, lasted in self._faults.items() if lasted.is_on), None)

    def _compare(
        self, image_bgr: NDArray[np.uint8], *, is_sharp: bool
    ) -> dict[PictureFault, Verdict]:
        looks, size_px = look(image_bgr), (image_bgr.shape[1], image_bgr.shape[0])
        if self._scene is not None and self._scene.reference.picture_px != size_px:
            self._scene = (
                None  # another picture size is another camera: there is nothing to compare
            )
        if self._scene is None:
            # What is out of focus from the start is not learnt for good.
            if is_sharp and (reference := self._learner.learn(looks, size_px)) is not None:
                self._scene, self._learner = SceneWatch(reference), SceneLearner()
                self._learnt(reference)
            return {"blurred": _verdict(not is_sharp)}
        difference = self._scene.compare(looks)
        if difference is None:
            return {}
        has_landmarks = self._scene.reference.has_landmarks
        return judge(difference, is_sharp=is_sharp, has_landmarks=has_landmarks)


def judge(
    difference: Difference, *, is_sharp: bool, has_landmarks: bool
) -> dict[PictureFault, Verdict]:
    """What a difference from the reference says of each fault.

    Args:
        difference: How the latest pictures differ.
        is_sharp: Whether there is any sharp edge in the picture at all.
        has_landmarks: Whether anything stands still to compare.
    """
    verdicts: dict[PictureFault, Verdict] = {
        "moved": _moved(difference),
        "blurred": _between(difference.sharpness, _BLURRED_SHARPNESS, _SHARP_SHARPNESS),
        "dirty": "unsure",
    }
    if not has_landmarks:
        verdicts["blurred"] = _verdict(not is_sharp)
    if verdicts["moved"] != "good":
        verdicts["blurred"] = "unsure"  # what was sharp is not where it is looked for
    elif verdicts["blurred"] == "good" and difference.is_judged:
        verdicts["dirty"] = _between(-difference.dead_cells, -_DEAD_CELLS, -_FEW_DEAD_CELLS)
    return verdicts


def _moved(difference: Difference) -> Verdict:
    if difference.likeness >= _STAYED_LIKENESS:
        return "good"
    is_elsewhere = difference.moved_to - difference.likeness >= _BETTER_ELSEWHERE
    if difference.likeness < _LOST_LIKENESS or (
        difference.likeness < _MOVED_LIKENESS and is_elsewhere
    ):
        return "bad"
    # A strong blur looks like this as well: it is no sign of another place.
    return "good" if not is_elsewhere else "unsure"


def _between(value: float, bad: float, good: float) -> Verdict:
    if value <= bad:
        return "bad"
    return "good" if value >= good else "unsure"


def _verdict(is_bad: bool) -> Verdict:
    return "bad" if is_bad else "good"
