"""The worst mistakes of a station, so that a person sees why: frames, scores, rule, saliency.

Wrong labels first, the surest before the others; then products that nobody decided; then those that
went to a person because they looked like something else.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import ModelPackage
from beltmark.contract.policy import Policy
from edge_agent.station.geometry import BoxXyxyPx
from edge_agent.vision.detector import Detector
from training.evaluate.items import BAD_FATES, ItemDecision, JudgedItem
from training.evaluate.items_figures import scores_svg
from training.evaluate.items_recording import Recording
from training.evaluate.items_sources import Source
from training.evaluate.saliency import Saliency, explain
from training.evaluate.saliency_drawing import overlay
from training.evaluate.section import Figure, Section, Table

KEY = "item_mistakes"
TITLE = "Worst mistakes, item by item"
MOST = 8
_MOST_FRAMES = 5
_HEIGHT_PX = 140
_MARGIN_SHARE = 0.4
_GREEN = (60, 180, 0)
_Place = tuple[int, BoxXyxyPx]


@dataclass(frozen=True)
class Mistake:
    """Something that a station did wrong.

    Attributes:
        item: The item.
        decision: The decision that is wrong; None where there was none.
    """

    item: JudgedItem
    decision: ItemDecision | None

    @property
    def told(self) -> str:
        """The mistake in words."""
        true, decision = self.item.true, self.decision
        what = "nothing" if true is None else f"item {true.item_id}, a {true.class_name},"
        if decision is None:
            return f"{self.item.recording}: {what} passed, and nobody decided it"
        if decision.sku is not None:
            done = f"got the label of {decision.sku}"
        else:
            done = "went to a person"
        rule = decision.rule.replace("_", " ")
        return (
            f"{self.item.recording}: {what} {done}, as a {decision.class_name} with "
            f"{decision.probability:.2f} (rule: {rule}; {decision.reason})"
        )


def worst(items: Sequence[JudgedItem], most: int = MOST) -> list[Mistake]:
    """Returns the worst mistakes, the worst first."""
    ranked: list[tuple[int, float, Mistake]] = []
    for item in items:
        fate = item.fate()
        if fate in BAD_FATES:
            due = item.true.skus if item.true is not None else ()
            wrong = [label for label in item.labels() if label.sku not in due]
            label = max(wrong or item.labels()[1:], key=lambda each: each.probability)
            ranked.append((0, -label.probability, Mistake(item, label)))
        elif fate == "missed":
            ranked.append((1, 0.0, Mistake(item, None)))
        elif fate == "review" and item.true is not None:
            for decision in item.decisions:
                if decision.class_name not in (None, item.true.class_name):
                    ranked.append((2, -decision.probability, Mistake(item, decision)))
                    break
    ranked.sort(key=lambda each: each[:2])
    return [mistake for _, _, mistake in ranked[:most]]


def mistakes_section(
    package: ModelPackage,
    policy: Policy,
    items: Sequence[JudgedItem],
    sources: Sequence[Source],
    recordings: Sequence[Recording],
    *,
    most: int = MOST,
    on_mistake: Callable[[str], None] = lambda told: None,
) -> Section:
    """Shows the worst mistakes.

    Args:
        package: Whose detector looked.
        policy: By which items were judged.
        items: The judged items.
        sources: Where they passed; their pictures are asked for anew.
        recordings: What was recorded of each source.
        most: How many to show.
        on_mistake: Called after each, with its words.

    Raises:
        InputError: A picture cannot be read.
    """
    shown = worst(items, most)
    bad = sum(item.fate() in BAD_FATES for item in items)
    if not shown:
        return Section(KEY, TITLE, ("There is none to show.",), {"shown": 0.0})
    recording_of = {recording.name: recording for recording in recordings}
    places = [_places(mistake, recording_of[mistake.item.recording]) for mistake in shown]
    pictures = _pictures(shown, places, {source.name: source for source in sources})
    detector = Detector(package)
    figures: list[Figure] = []
    rows: list[tuple[str, float | None]] = []
    for mistake, at in zip(shown, places, strict=True):
        if not at:  # nothing of it was seen: there is no picture of it
            rows.append((mistake.told, None))
            continue
        seen = {index: pictures[mistake.item.recording, index] for index, _ in at}
        saliency = _explained(detector, mistake, at, seen)
        figures.append(Figure(_title(mistake, saliency), "image/jpeg", _strip(at, seen, saliency)))
        scores = _scores(mistake, recording_of[mistake.item.recording])
        if scores is not None:
            chart = scores_svg(scores, package.manifest.classes, policy.threshold)
            title = f"Class scores over the frames of the item above: {mistake.item.recording}"
            figures.append(Figure(title, "image/svg+xml", chart.encode()))
        share = None if saliency is None else saliency[0].inside_share
        rows.append((mistake.told, None if share is None else round(share, 3)))
        on_mistake(mistake.told)
    told = (
        f"{bad} items got a label that is not right; the {len(shown)} worst mistakes are shown.",
        "Heat shows where hiding a part of the picture costs the class its score.",
    )
    table = Table("The worst mistakes", ("what happened", "share of the heat on the item"), rows)
    numbers = {"shown": float(len(shown)), "bad_items": float(bad)}
    return Section(KEY, TITLE, told, numbers, (table,), tuple(figures))


def _places(mistake: Mistake, recording: Recording) -> list[_Place]:
    """Some frames that show the item, each with its box."""
    if mistake.decision is not None:
        seen = [
            (index, _box(recording.frames[index].boxes[row]))
            for index, row in mistake.decision.frames
        ]
    else:
        assert mistake.item.true is not None, "only a true item is missed"
        wanted = mistake.item.true.item_id
        seen = [
            (index, _box(frame.item_boxes[int(rows[0])]))
            for index, frame in enumerate(recording.frames)
            if len(rows := np.flatnonzero(frame.item_ids == wanted))
        ]
    chosen = np.linspace(0, len(seen) - 1, min(len(seen), _MOST_FRAMES)).round().astype(int)
    return [seen[index] for index in chosen]


def _pictures(
    mistakes: Sequence[Mistake], places: Sequence[list[_Place]], sources: Mapping[str, Source]
) -> dict[tuple[str, int], NDArray[np.uint8]]:
    wanted: defaultdict[str, set[int]] = defaultdict(set)
    for mistake, at in zip(mistakes, places, strict=True):
        wanted[mistake.item.recording] |= {index for index, _ in at}
    return {
        (name, index): picture
        for name, indices in wanted.items()
        for index, picture in sources[name].pictures(indices).items()
    }


def _explained(
    detector: Detector,
    mistake: Mistake,
    at: Sequence[_Place],
    seen: Mapping[int, NDArray[np.uint8]],
) -> tuple[Saliency, _Place] | None:
    """What the wrong class rests on, in the frame in the middle of those that are shown."""
    decision = mistake.decision
    if decision is None or decision.class_name is None or not at:
        return None
    index, box = place = at[len(at) // 2]
    label = detector.classes.index(decision.class_name)
    return explain(detector, seen[index], box, label), place


def _title(mistake: Mistake, saliency: tuple[Saliency, _Place] | None) -> str:
    if saliency is None or saliency[0].inside_share is None:
        return mistake.told
    return (
        f"{mistake.told}. Last picture: {saliency[0].inside_share:.0%} of what the score rests on "
        "lies on the item"
    )


def _strip(
    at: Sequence[_Place],
    seen: Mapping[int, NDArray[np.uint8]],
    saliency: tuple[Saliency, _Place] | None,
) -> bytes:
    """The item in its frames, side by side, and the heat at the end; JPEG."""
    views = [_view(seen[index], box) for index, box in at]
    if saliency is not None:
        found, (index, box) = saliency
        views.append(_fitted(overlay(seen[index], found, box)))
    _, content = cv2.imencode(".jpg", np.hstack(views), (cv2.IMWRITE_JPEG_QUALITY, 85))
    return content.tobytes()


def _view(picture: NDArray[np.uint8], box: BoxXyxyPx) -> NDArray[np.uint8]:
    left, top, right, bottom = (round(side) for side in box)
    dx, dy = round(_MARGIN_SHARE * (right - left)), round(_MARGIN_SHARE * (bottom - top))
    x0, y0 = max(0, left - dx), max(0, top - dy)
    view = picture[y0 : bottom + dy + 1, x0 : right + dx + 1].copy()
    cv2.rectangle(view, (left - x0, top - y0), (right - x0, bottom - y0), _GREEN, 1)
    return _fitted(view)


def _fitted(view: NDArray[np.uint8]) -> NDArray[np.uint8]:
    width = max(1, round(view.shape[1] * _HEIGHT_PX / view.shape[0]))
    fitted = cv2.resize(view, (min(width, 4 * _HEIGHT_PX), _HEIGHT_PX))
    return np.asarray(cv2.copyMakeBorder(fitted, 2, 2, 2, 2, cv2.BORDER_CONSTANT), np.uint8)


def _scores(mistake: Mistake, recording: Recording) -> NDArray[np.float32] | None:
    if mistake.decision is None or not mistake.decision.frames:
        return None
    return np.stack(
        [recording.frames[index].class_scores[row] for index, row in mistake.decision.frames]
    )


def _box(box: NDArray[np.float32]) -> BoxXyxyPx:
    left, top, right, bottom = box.tolist()
    return left, top, right, bottom
