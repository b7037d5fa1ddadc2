"""Follows the products of real filmed sequences by the boxes that people drew, shaken and thinned.

What is measured is the station's following alone, without a model: goods at rest, a camera that
moves. Identity switches and IDF1 as in `bench.following`.
"""

import argparse
import itertools
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from beltmark.datasets.coco import read_coco
from beltmark.datasets.dataset import Dataset, LabelledImage, LabelledObject
from bench.following import Box, Identities, box_rules
from edge_agent.station.geometry import StationGeometry
from edge_agent.station.items import Decided
from edge_agent.station.station import Station, StationSettings

FPS = 5.0
_BLANK_FRAMES = 10
_JITTER_SHARE = 0.02


@dataclass
class Tracked:
    """What became of the tracks of one sequence.

    Attributes:
        tracks: Tracks of three frames or more that were not missed: items, to a station.
        printed: Labels per track.
        decided: Decisions per track.
        tracks_of: The tracks that each identity was given to.
        identities: Who was whom.
    """

    tracks: set[int]
    printed: Counter[int] = field(default_factory=Counter)
    decided: Counter[int] = field(default_factory=Counter)
    tracks_of: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    identities: Identities = field(default_factory=Identities)

    @property
    def swapped(self) -> int:
        """Identities that went from one track to another."""
        return sum(len(tracks) > 1 for tracks in self.tracks_of.values())


def main() -> int:
    """Prints a table; ends with 1 where a track was printed twice or an identity swapped."""
    parser = argparse.ArgumentParser(prog="python -m bench.real_tracks", description=__doc__)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("--least-frames", type=int, default=8)
    parser.add_argument("--dropped-share", type=float, default=0.1)
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    dataset = read_coco(arguments.annotations)
    print(
        "| sequence | frames | tracks | printed | twice | swapped | undecided | switches | IDF1 |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    bad = 0
    for name, images in sequences(dataset, arguments.least_frames).items():
        runs = [
            follow_tracks(images, dataset.class_names, seed, arguments.dropped_share)
            for seed in range(arguments.seeds)
        ]
        sums = Counter[str]()
        for run in runs:
            twice = sum(count - 1 for count in run.printed.values())
            undecided = len(run.tracks - run.decided.keys())
            sums.update(
                tracks=len(run.tracks), printed=len(run.printed), twice=twice,
                swapped=run.swapped, undecided=undecided, switches=run.identities.switches,
            )  # fmt: skip
            bad += twice + run.swapped
        counts = " | ".join(str(sums[key]) for key in (
            "tracks", "printed", "twice", "swapped", "undecided", "switches"
        ))  # fmt: skip
        idf1 = np.mean([run.identities.idf1 for run in runs])
        print(f"| {name} | {len(images)} | {counts} | {idf1:.3f} |")
    return 1 if bad else 0


def sequences(dataset: Dataset, least_frames: int) -> dict[str, list[LabelledImage]]:
    """The sequences of a dataset with so many frames or more, each in order."""
    found: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for image in dataset.images:
        found[image.sequence].append(image)
    return {
        name: sorted(images, key=lambda image: image.path.name)
        for name, images in found.items()
        if len(images) >= least_frames
    }


def follow_tracks(
    images: list[LabelledImage], class_names: Sequence[str], seed: int, dropped_share: float
) -> Tracked:
    """Gives a sequence's boxes to a station over a bench, shaken and with some left out.

    Args:
        images: The sequence.
        class_names: The dataset's.
        seed: Start of the chance.
        dropped_share: Share of the boxes that are left out.
    """
    rng = np.random.default_rng(seed)
    numbers = itertools.count(1)
    width_px, height_px = images[0].width_px, images[0].height_px
    geometry = StationGeometry((0, 0, width_px, height_px), travel="none")
    station = Station(
        geometry, box_rules(class_names), StationSettings(), lambda: f"i{next(numbers)}"
    )
    at, seen_of = 0.0, Counter[int]()
    told = Tracked(set())
    track_of: dict[str, int] = {}
    # What lies there when a station starts goes to a person: it starts before the goods are seen.
    for objects in [()] * _BLANK_FRAMES + [image.objects for image in images]:
        at += 1 / FPS
        shown = [thing for thing in objects if rng.random() >= dropped_share]
        boxes = [_shaken(thing, len(class_names), rng) for thing in shown]
        seen_of.update(_track(thing) for thing in shown)
        update = station.observe(boxes, width_px, height_px, at)
        names = {index: item.item_id for item, index in update.seen}
        for index, thing in enumerate(shown):
            told.identities.add(_track(thing), names.get(index))
            if index in names:
                told.tracks_of[names[index]].add(_track(thing))
                track_of[names[index]] = _track(thing)
        _count(update.decided, track_of, told)
    _count(station.finish(at).decided, track_of, told)
    told.tracks = {track for track, count in seen_of.items() if count >= 3}
    return told


def _shaken(thing: LabelledObject, classes: int, rng: np.random.Generator) -> Box:
    left, top, right, bottom = thing.box_xyxy_px
    width, height = right - left, bottom - top
    a, b, c, d = (float(part) for part in rng.normal(0, _JITTER_SHARE, 4))
    scores = np.full(classes, 0.02, np.float32)
    scores[thing.class_index] = 0.95
    box = left + a * width, top + b * height, right + c * width, bottom + d * height
    return Box(box, scores, 0.9)


def _track(thing: LabelledObject) -> int:
    assert thing.track_id is not None, "the dataset tells no tracks"
    return thing.track_id


def _count(decided: Sequence[Decided], track_of: dict[str, int], told: Tracked) -> None:
    for done in decided:
        track = track_of[done.item_id]
        told.decided[track] += 1
        if done.decision.outcome == "PRINT":
            told.printed[track] += 1


if __name__ == "__main__":
    sys.exit(main())
