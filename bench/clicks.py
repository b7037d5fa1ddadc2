"""What a package's boxes spare people: `python -m bench.clicks PACKAGE DATASET`.

The boxes are those that `beltmark-label push` would put into the tasks. Each is held against the
dataset's: as it is, to be moved, of another class, or to be removed; what is missing is drawn.
A box to be drawn takes two actions (draw it, say its class), each correction one.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from beltmark.command import between
from beltmark.datasets.boxes import to_xywh
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.images import read_image
from beltmark.datasets.label_studio.regions import to_percent
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.split_file import apply_split, read_split
from labeling.agreement import Judged, compare
from labeling.champion import Champion
from labeling.valuing import judged

RIGHT_IOU: Final = 0.7
"""From which on nobody moves a box."""

MOVED_IOU: Final = 0.3
"""From which on it is worth moving."""

ACTIONS: Final = {"as it is": 0, "to be moved": 1, "another class": 1, "to be removed": 1,
                  "to be drawn": 2}  # fmt: skip


def corrections(shown: Sequence[Judged], truth: Sequence[Judged]) -> Counter[str]:
    """Counts what is to be done with the boxes of one image; one may need two corrections."""
    done: Counter[str] = Counter()
    left_shown, left_truth = list(shown), list(truth)
    for least in (RIGHT_IOU, MOVED_IOU):
        # The boxes of a class first: of two in one place the right one stays.
        for is_same in (True, False):
            for box in list(left_shown):
                near = [
                    each
                    for each in left_truth
                    if (each.class_name == box.class_name) == is_same
                    and compare([box], [replace(each, class_name=box.class_name)], least).agree
                ]
                if not near:
                    continue
                left_shown.remove(box)
                left_truth.remove(near[0])
                done["as it is"] += is_same and least == RIGHT_IOU
                done["to be moved"] += least == MOVED_IOU
                done["another class"] += not is_same
    done["to be removed"] += len(left_shown)
    done["to be drawn"] += len(left_truth)
    return done


def truth_of(image: LabelledImage, dataset: Dataset) -> list[Judged]:
    """Returns an image's boxes in percent."""
    size = (image.width_px, image.height_px)
    found = []
    for each in image.objects:
        left, top, width, height = to_xywh(each.box_xyxy_px)
        box = to_percent((left, top, width, height), size)
        found.append(Judged(dataset.class_names[each.class_index], box))
    return found


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--split", type=Path, metavar="FILE", help="with --part: only that part")
    parser.add_argument("--part", default="test")
    parser.add_argument("--min-score", type=between(0, 1), nargs="+", default=[0.25, 0.5])
    arguments = parser.parse_args()
    dataset = read_dataset(arguments.dataset)
    images = dataset.images
    if arguments.split:
        images = apply_split(dataset, read_split(arguments.split))[arguments.part]
    boxes = sum(len(image.objects) for image in images)
    print(f"{len(images)} images, {boxes} boxes")
    print("| min score | boxes shown | " + " | ".join(ACTIONS) + " | actions | without |")
    print("|" + "---|" * (len(ACTIONS) + 4))
    for min_score in arguments.min_score:
        champion = Champion(arguments.package, set(dataset.class_names), min_score)
        total, shown = Counter[str](), 0
        for image in images:
            seen = judged(champion.look(read_image(image)))
            shown += len(seen)
            total += corrections(seen, truth_of(image, dataset))
        shares = " | ".join(
            f"{total[name]} ({total[name] / max(boxes if name == 'to be drawn' else shown, 1):.0%})"
            for name in ACTIONS
        )
        actions = sum(count * ACTIONS[name] for name, count in total.items())
        without = boxes * ACTIONS["to be drawn"]
        print(f"| {min_score:g} | {shown} | {shares} | {actions} | {without} |", flush=True)


if __name__ == "__main__":
    main()
