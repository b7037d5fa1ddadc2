"""Looks at tasks for Label Studio, with the same eyes as a push.

An image is fetched from the server that we are connected to, and from nowhere else: what a task
says of another host, or of a file, is no address.
"""

import threading
from collections.abc import Mapping, Sequence, Set
from secrets import token_hex
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from beltmark.contract.errors import InputError
from beltmark.datasets.boxes import iou
from beltmark.datasets.images import decode_image
from beltmark.datasets.label_studio.words import IMAGE, Number
from labeling.project_config import class_names_of
from labeling.samples import Seen

_PATIENCE_S: Final = 60.0
"""So long one request waits for the one before it; Label Studio itself waits 100 s."""

Region = Mapping[str, Any]
Box = tuple[Number, Number, Number, Number]
_BOX: Final = TypeAdapter(Box)
_SAME: Final = 0.9
"""IoU from which on two boxes are one."""


class Eyes(Protocol):
    """A model; see `Champion`."""

    version: str

    def look(self, image_bgr: NDArray[np.uint8], class_names: Set[str] | None = None) -> Seen:
        """Looks at one image, uint8 [H, W, 3] 0..255 BGR."""
        ...


class Files(Protocol):
    """Where images are; see `Studio.file`."""

    def file(self, address: str) -> bytes | None:
        """Returns an image, given its address in a task; None if it is gone."""
        ...


class Busy(Exception):  # noqa: N818 - what it is
    """Too many ask at once."""


class Answering:
    """What answers. For use from any thread: one request after the other.

    Args:
        eyes: The champion.
        files: Where images are; no other thread uses it.
        patience_s: So long one request waits for the one before it.
    """

    def __init__(self, eyes: Eyes, files: Files, patience_s: float = _PATIENCE_S) -> None:
        self._eyes, self._files, self._patience_s = eyes, files, patience_s
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        """The champion's name and digest, as predictions bear it."""
        return self._eyes.version

    def predict(
        self,
        tasks: Sequence[Mapping[str, Any]],
        config: str,
        drawn: Sequence[Region] = (),
    ) -> list[dict[str, Any] | list[Any]]:
        """Returns a prediction for each task; an empty list for one that cannot be looked at.

        Args:
            tasks: Their data.
            config: The project's label configuration.
            drawn: What somebody has drawn; see `within`.

        Raises:
            InputError: None of them can be looked at, or the project is none of ours.
            Busy: Others ask as well.
        """
        names = frozenset(class_names_of(config, "label_config"))
        if not self._lock.acquire(timeout=self._patience_s):
            raise Busy
        try:
            return self._predict(tasks, names, drawn)
        finally:
            self._lock.release()

    def _predict(
        self, tasks: Sequence[Mapping[str, Any]], names: Set[str], drawn: Sequence[Region]
    ) -> list[dict[str, Any] | list[Any]]:
        found: list[dict[str, Any] | list[Any]] = []
        problem: InputError | None = None
        for data in tasks:
            try:
                prediction = self._eyes.look(self._image(data), names).prediction
                found.append(within(prediction, drawn))
            except InputError as error:
                problem = error
                found.append([])  # Label Studio makes no prediction of it
        if problem is not None and not any(found):
            raise problem
        return found

    def _image(self, data: Mapping[str, Any]) -> NDArray[np.uint8]:
        address = str(data.get(IMAGE, ""))
        content = self._files.file(address)
        decoded = None if content is None else decode_image(content)
        if decoded is None:
            problem = "is gone from the server" if content is None else "is no readable image"
            raise InputError(problem, "push it again", file=f"{address!r:.200}", field=IMAGE)
        return decoded


def within(prediction: Mapping[str, Any], drawn: Sequence[Region]) -> dict[str, Any]:
    """Returns a prediction with those boxes alone whose middle is in the box that was drawn last.

    Where no box was drawn, all of it is meant.

    Args:
        prediction: Of the whole image.
        drawn: The boxes of one label in somebody's annotation, the new one last: so Label Studio
            tells them. What is there already is not told again.
    """
    boxes = [box for box in map(_box_percent, drawn) if box is not None]
    if not boxes:
        return dict(prediction)
    *there, (left, top, width, height) = boxes
    kept = []
    for region in prediction["result"]:
        box = _box_percent(region)
        if box is None or any(iou(_corners(box), _corners(each)) >= _SAME for each in there):
            continue
        x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
        if left <= x <= left + width and top <= y <= top + height:
            # The annotation may have regions of the names that predictions have.
            kept.append({**region, "id": token_hex(5)})
    told = {key: value for key, value in prediction.items() if key != "score"}
    scores = [region["score"] for region in kept if "score" in region]
    return {**told, "result": kept, **({"score": min(scores)} if scores else {})}


def _corners(box: Box) -> tuple[float, float, float, float]:
    x, y, width, height = box
    return (x, y, x + width, y + height)


def _box_percent(region: Region) -> Box | None:
    value: Any = region.get("value")
    try:
        return _BOX.validate_python([value[side] for side in ("x", "y", "width", "height")])
    except (ValidationError, KeyError, TypeError):
        return None  # no box
