"""What a frame adds to the sightings of the items seen in it: votes, sizes, barcodes. Pure.

Which items those are is told by `tracker`; what a sighting comes to is left to `decision`.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from edge_agent.station.detected import Detected
from edge_agent.station.footprint import BeltPlane
from edge_agent.station.geometry import BoxXyxyPx
from edge_agent.station.items import Item, Rules
from edge_agent.station.product_size import sized_classes
from edge_agent.station.reading_turns import CodeReader, is_apart, whose_turn
from edge_agent.station.sighting import SightingInProgress, is_whole

Outliner = Callable[[BoxXyxyPx], NDArray[np.float32] | None]
"""Finds the convex outline of the item in a box: float32 [N, 2], x and y in pixels, or None."""


def no_outline(_: BoxXyxyPx) -> None:
    """Finds none."""


class Views:
    """The looks at a station's items, by the rules of the release of now.

    Args:
        rules: The release's.
        plane: Where a pixel lies on the belt; None where that is not known.
    """

    def __init__(self, rules: Rules, plane: BeltPlane | None) -> None:
        self._plane = plane
        self._rules, self._sized = rules, sized_classes(rules.catalogue)

    def adopt(self, rules: Rules, items: Iterable[Item]) -> None:
        """Goes by another release's rules: the sightings of undecided items begin anew."""
        self._rules, self._sized = rules, sized_classes(rules.catalogue)
        for item in items:
            if item.outcome is None:
                before, now = item.sighting, SightingInProgress(len(rules.manifest.classes))
                now.best_view, now.codes = before.best_view, before.codes
                item.rules, item.sighting = rules, now

    def add(
        self,
        seen: Sequence[tuple[Item, int]],
        detections: Sequence[Detected],
        size_px: tuple[int, int],
        outline_px: Outliner,
        *,
        read_codes: CodeReader | None,
    ) -> None:
        """Adds what a frame shows.

        Args:
            seen: The items seen in it, each with the index of its detection.
            detections: What was found in it.
            size_px: Its width and height.
            outline_px: Finds outlines in it; asked only where the catalogue knows sizes.
            read_codes: Reads barcodes in it; asked for one item at most. None reads none.
        """
        for item, index in seen:
            found = detections[index]
            if item.rules is self._rules:
                is_vote = is_whole(found.box_xyxy_px, *size_px)
                item.sighting.add(found.class_scores, is_vote)
                if is_vote and item.outcome is None:
                    self._measure(item, found, outline_px)
        if read_codes is None:
            return
        boxes_px = [found.box_xyxy_px for found in detections]
        whole = [
            (item, boxes_px[index])
            for item, index in seen
            if is_whole(boxes_px[index], *size_px) and is_apart(boxes_px, index)
        ]
        if (turn := whose_turn(whole)) is not None:
            item, box_px = turn
            item.sighting.codes.add(read_codes(box_px))

    def _measure(self, item: Item, found: Detected, outline_px: Outliner) -> None:
        best = self._rules.manifest.classes[int(np.argmax(found.class_scores))]
        if self._plane is None or best not in self._sized:
            return
        outline = outline_px(found.box_xyxy_px)
        item.sighting.add_footprint(None if outline is None else self._plane.footprint(outline))
