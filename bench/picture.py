"""Draws the README's picture: what the station saw of a belt, and the label it printed."""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import write_bytes
from beltmark.contract.release import Release, load_release
from beltmark.demo.station import BUNDLED
from beltmark.simulation.world import World
from beltmark.simulation.world_plan import WorldPlan
from edge_agent.labels.preview import draw_preview
from edge_agent.labels.proofread import label_context
from edge_agent.vision.detector import Detection, Detector

FPS = 15.0
INK, PAPER, GOOD, DOUBT = (40, 40, 40), (255, 255, 255), (80, 170, 60), (40, 120, 230)
SCALE = 2


def main() -> int:
    """Looks for the frame with the most items and draws it."""
    parser = argparse.ArgumentParser(prog="python -m bench.picture", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--out", type=Path, default=Path("docs/station.jpg"))
    arguments = parser.parse_args()
    release = load_release(BUNDLED / "release")
    detector = Detector(release.package)
    world = World(WorldPlan(seed=arguments.seed, products=release.catalogue.products))
    best: tuple[float, NDArray[np.uint8], list[Detection]] | None = None
    for index in range(int(arguments.seconds * FPS)):
        image = world.step(index / FPS, permitted=True).image_bgr
        sure = [d for d in detector.detect(image) if d.score >= release.policy.threshold]
        worth = len({d.class_name for d in sure}) + sum(d.score for d in sure) / 100
        if best is None or worth > best[0]:
            best = (worth, image, sure)
    assert best is not None
    _, encoded = cv2.imencode(".jpg", picture(release, best[1], best[2]))
    write_bytes(arguments.out, encoded.tobytes())
    return 0


def picture(
    release: Release, image: NDArray[np.uint8], detections: list[Detection]
) -> NDArray[np.uint8]:
    """The camera's image with boxes, beside the label of the item that is farthest along.

    Args:
        release: What the station runs.
        image: uint8 [H, W, 3], BGR.
        detections: What it saw there.

    Returns:
        uint8 [2 H, 2 W + label, 3], BGR.
    """
    seen = cv2.resize(image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    for found in detections:
        left, top, right, bottom = (round(SCALE * edge) for edge in found.box_xyxy_px)
        is_product = found.class_name != release.package.manifest.none_of_these
        colour = GOOD if is_product else DOUBT
        cv2.rectangle(seen, (left, top), (right, bottom), colour, 2, cv2.LINE_AA)
        told = f"{found.class_name.replace('_', ' ')} {found.score:.2f}"
        cv2.rectangle(seen, (left - 1, top - 22), (left + 11 * len(told), top), colour, -1)
        at = (left + 4, top - 6)
        cv2.putText(seen, told, at, cv2.FONT_HERSHEY_SIMPLEX, 0.55, PAPER, 1, cv2.LINE_AA)

    label = label_of(release, detections)
    sheet = np.full((seen.shape[0], label.shape[1] + 80, 3), 235, np.uint8)
    top = (sheet.shape[0] - label.shape[0]) // 2
    sheet[top : top + label.shape[0], 40:-40] = label
    cv2.rectangle(sheet, (39, top - 1), (sheet.shape[1] - 40, top + label.shape[0]), INK, 1)
    return np.hstack([np.asarray(seen, np.uint8), sheet])


def label_of(release: Release, detections: list[Detection]) -> NDArray[np.uint8]:
    """The label of the product that is farthest along; uint8 [height, width, 3], BGR."""
    products = [d for d in detections if release.catalogue.of_class(d.class_name)]
    first = max(products, key=lambda found: found.box_xyxy_px[2])
    product = release.catalogue.of_class(first.class_name)[0]
    item = {"id": "example", "serial": "DEMO-000001", "decided_at": 1_790_000_000.0}
    grey = draw_preview(release.layouts[product.layout], label_context(item, product), 8)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


if __name__ == "__main__":
    sys.exit(main())
