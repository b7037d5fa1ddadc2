"""What a detector saw of items that passed, frame by frame, with the truth: recorded once, so that
stations with other policies can be let look at it without the model running again. Pure.
"""

import io
import json
import zipfile
import zlib
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.postprocess import iou
from training.evaluate.items import TrueItem
from training.evaluate.matching import IGNORED_SHARE

FORMAT = 1
NOTHING, IGNORED = -1, -2
"""Stand for the item under a detection: there is none; it lies where nothing is judged."""

SAME_IOU = 0.3
"""A detection is of the item that it overlaps most, from this much on: few boxes are exact."""


@dataclass(frozen=True, eq=False)
class RecordedFrame:
    """One frame.

    Attributes:
        at_s: When it was captured.
        boxes: float32 [K, 4], xyxy in image pixels.
        scores: float32 [K], calibrated, of the best class.
        class_scores: float32 [K, C], calibrated.
        true_ids: int64 [K], the item under each detection, NOTHING or IGNORED.
        item_ids: int64 [M], the items that can be seen.
        item_boxes: float32 [M, 4], where they are.
    """

    at_s: float
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    class_scores: NDArray[np.float32]
    true_ids: NDArray[np.int64]
    item_ids: NDArray[np.int64]
    item_boxes: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Recording:
    """Items that passed one camera.

    Attributes:
        name: For people.
        group: Those of one group share scene and light: they are not to be split.
        width_px: Of the frames.
        height_px: Likewise.
        travel: "right" on a belt; "none" where goods rest under a camera that may move.
        frames: In order.
        items: What passed.
    """

    name: str
    group: str
    width_px: int
    height_px: int
    travel: Literal["right", "none"]
    frames: tuple[RecordedFrame, ...]
    items: tuple[TrueItem, ...]


def true_ids_of(
    boxes: NDArray[np.float32],
    item_ids: NDArray[np.int64],
    item_boxes: NDArray[np.float32],
    ignored: NDArray[np.float32],
) -> NDArray[np.int64]:
    """Tells which item each detection is of.

    Args:
        boxes: float32 [K, 4], the detections.
        item_ids: int64 [M].
        item_boxes: float32 [M, 4].
        ignored: float32 [R, 4], regions in which nothing is judged.

    Returns:
        int64 [K], an item, NOTHING or IGNORED.
    """
    found = np.full(len(boxes), NOTHING, np.int64)
    if not len(boxes):
        return found
    if len(ignored):
        low = np.maximum(boxes[:, None, :2], ignored[None, :, :2])
        high = np.minimum(boxes[:, None, 2:], ignored[None, :, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=2).max(axis=1)
        area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        found[shared >= IGNORED_SHARE * area] = IGNORED
    if len(item_boxes):
        overlaps = iou(boxes, item_boxes)
        best = overlaps.argmax(axis=1)
        is_same = overlaps.max(axis=1) >= SAME_IOU
        found[is_same] = item_ids[best[is_same]]
    return found


_ARRAYS = ("boxes", "scores", "class_scores", "true_ids")
_ITEM_ARRAYS = ("item_ids", "item_boxes")


def to_bytes(recording: Recording) -> bytes:
    """Writes a recording as one file."""
    frames = recording.frames
    head = {
        "format": FORMAT,
        "name": recording.name,
        "group": recording.group,
        "width_px": recording.width_px,
        "height_px": recording.height_px,
        "travel": recording.travel,
        "items": [asdict(item) for item in recording.items],
    }
    arrays: dict[str, NDArray[Any]] = {
        "head": np.frombuffer(json.dumps(head).encode(), np.uint8),
        "at_s": np.array([frame.at_s for frame in frames], np.float64),
        "lengths": np.array([len(frame.boxes) for frame in frames], np.int64),
        "item_lengths": np.array([len(frame.item_ids) for frame in frames], np.int64),
    }
    for name in (*_ARRAYS, *_ITEM_ARRAYS):
        arrays[name] = np.concatenate([getattr(frame, name) for frame in frames])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def from_bytes(content: bytes) -> Recording:
    """Reads what `to_bytes` wrote.

    Raises:
        ValueError: It is something else, or damaged.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        head = json.loads(arrays["head"].tobytes())
        if head["format"] != FORMAT:
            raise ValueError(f"format {head['format']} is not known")
        cuts = {
            name: np.split(arrays[name], np.cumsum(arrays[lengths])[:-1])
            for names, lengths in ((_ARRAYS, "lengths"), (_ITEM_ARRAYS, "item_lengths"))
            for name in names
        }
        return Recording(
            head["name"],
            head["group"],
            head["width_px"],
            head["height_px"],
            head["travel"],
            tuple(
                RecordedFrame(float(at_s), **{name: cuts[name][index] for name in cuts})
                for index, at_s in enumerate(arrays["at_s"])
            ),
            tuple(TrueItem(**item | {"skus": tuple(item["skus"])}) for item in head["items"]),
        )
    except (
        KeyError,
        TypeError,
        IndexError,
        EOFError,
        OSError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(f"not a recording: {error}") from None
