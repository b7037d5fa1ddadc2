"""Writes a COCO dataset of rendered belts, drawn anew for every scene.

A scene is one station (belt, light, camera); a sequence is one run of goods over it, seen in a
few frames. Splits are to be made by `scene`, which every image names. The same seed gives the
same files, however many processes share the work, and however often it was stopped in between.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from beltmark.contract.documents import read_bytes, write_bytes, write_json
from beltmark.datasets.boxes import to_xywh
from beltmark.simulation.appearance import random_scene
from beltmark.simulation.light import Light
from beltmark.simulation.raymarch import Posed
from beltmark.simulation.scene import Picture, Placement, Scene
from beltmark.simulation.shapes.families import CLASS_NAMES, NONE_OF_THESE, make_item
from beltmark.simulation.sticker import with_sticker

SEQUENCES_PER_SCENE = 2
FRAMES_PER_SEQUENCE = 3
IMAGES_PER_SCENE = SEQUENCES_PER_SCENE * FRAMES_PER_SEQUENCE
MIN_VISIBLE = 0.25
"""Less of an item than this is an `ignore` region, not an annotation."""

_DONE = "scenes"
"""Folder of what is noted of finished scenes, until all are."""

_ITEM_COUNTS = (0, 1, 2, 3, 4, 5)
_ITEM_SHARES = (0.08, 0.36, 0.26, 0.16, 0.09, 0.05)


@dataclass(frozen=True)
class DatasetPlan:
    """What to draw: enough to draw any scene on its own.

    Attributes:
        images: How many images in all.
        seed: Start of all chance.
        class_names: Classes to place, a subset of `CLASS_NAMES`.
        width_px: Image width.
        height_px: Image height.
    """

    images: int
    seed: int
    class_names: tuple[str, ...] = CLASS_NAMES
    width_px: int = 480
    height_px: int = 320

    @property
    def scenes(self) -> int:
        """How many scenes the images are spread over; the last may be cut short."""
        return -(-self.images // IMAGES_PER_SCENE)


@dataclass(frozen=True, eq=False)
class Frame:
    """One drawn image: JPEG bytes, its picture's truth, and the class of each item id."""

    jpeg: bytes
    picture: Picture
    sequence: int
    class_of: dict[int, str]


def draw_scene(plan: DatasetPlan, scene_index: int) -> Iterator[Frame]:
    """Draw all frames of one scene."""
    rng = np.random.default_rng([plan.seed, scene_index])
    scene, light = random_scene(rng, plan.width_px, plan.height_px)
    for sequence in range(SEQUENCES_PER_SCENE):
        class_of, placements = _draw_goods(rng, plan, scene, light, sequence)
        step_mm = float(rng.uniform(8, 70))
        first_mm = float(rng.uniform(0, 500))
        for frame in range(FRAMES_PER_SEQUENCE):
            moved = [
                Placement(p.item_id, p.posed, p.x_mm + frame * step_mm, p.y_mm) for p in placements
            ]
            picture = scene.render(moved, first_mm + frame * step_mm, rng)
            yield Frame(scene.eye.encode(picture.image_bgr), picture, sequence, class_of)


def _draw_goods(
    rng: np.random.Generator, plan: DatasetPlan, scene: Scene, light: Light, sequence: int
) -> tuple[dict[int, str], list[Placement]]:
    """Make a sequence's items and lay them out: apart, touching, or over each other."""
    count = int(rng.choice(_ITEM_COUNTS, p=_ITEM_SHARES))
    weights = np.array([1.6 if name == NONE_OF_THESE else 1.0 for name in plan.class_names])
    crowded = rng.uniform() < 0.4
    class_of: dict[int, str] = {}
    placements: list[Placement] = []
    half_x = plan.width_px / scene.view.px_per_mm / 2
    half_y = min(plan.height_px / scene.view.px_per_mm / 2, scene.backdrop.surface.half_width_mm)
    for index in range(count):
        class_name = plan.class_names[int(rng.choice(len(weights), p=weights / weights.sum()))]
        solid = make_item(class_name, rng)
        if rng.uniform() < 0.12:
            size = (float(rng.uniform(24, 45)), float(rng.uniform(16, 28)))
            solid = with_sticker(solid, rng, rng.normal(0, 15), rng.normal(0, 8), size)
        posed = Posed(solid, float(rng.uniform(0, 2 * np.pi)), light)
        place = _find_place(rng, posed, placements, (half_x, half_y), crowded=crowded)
        if place is None:
            continue
        item_id = sequence * len(_ITEM_COUNTS) + index
        class_of[item_id] = class_name
        placements.append(Placement(item_id, posed, *place))
    return class_of, placements


def _find_place(
    rng: np.random.Generator,
    posed: Posed,
    others: Sequence[Placement],
    half_mm: tuple[float, float],
    *,
    crowded: bool,
) -> tuple[float, float] | None:
    """A place on the belt for one more item, or None if there is none."""
    half_x, half_y = half_mm
    reach_x, reach_y = posed.reach_mm
    for _ in range(12):
        x = float(rng.uniform(-half_x, half_x * 0.8))
        y = float(rng.uniform(-1, 1)) * max(half_y - reach_y * 0.8, 10.0)
        if crowded and others and rng.uniform() < 0.7:
            near = others[int(rng.integers(len(others)))]
            turn = rng.uniform(0, 2 * np.pi)
            gap = rng.uniform(0.65, 1.2)
            x = near.x_mm + gap * float(np.cos(turn)) * (near.posed.reach_mm[0] + reach_x)
            y = near.y_mm + gap * float(np.sin(turn)) * (near.posed.reach_mm[1] + reach_y)
        share = 0.55 if crowded else 1.0  # crowded goods may lie over each other a little
        if all(
            abs(x - o.x_mm) > share * (o.posed.reach_mm[0] + reach_x)
            or abs(y - o.y_mm) > share * (o.posed.reach_mm[1] + reach_y)
            for o in others
        ):
            return x, y
    return None


def write_dataset(
    plan: DatasetPlan,
    directory: Path,
    workers: int = 1,
    on_progress: Callable[[int], None] = lambda images_done: None,
) -> Path:
    """Write `images/` and `annotations.json`; returns the path of the latter.

    Scenes that an earlier start of the same plan finished are not drawn again.

    Args:
        plan: What to draw.
        directory: Where to write; made if missing.
        workers: Processes that share the scenes.
        on_progress: Told how many images are done after each scene.
    """
    for name in ("images", _DONE):
        (directory / name).mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    work = partial(_write_scene, plan, directory)
    for scene_images, scene_annotations in _in_order(work, plan.scenes, workers):
        images += scene_images
        for annotation in scene_annotations:
            annotations.append({"id": len(annotations) + 1, **annotation})
        on_progress(len(images))
    document = {
        "info": {
            "description": "Simulated belt, domain-randomised. Split by scene.",
            "seed": plan.seed,
        },
        "categories": [{"id": k + 1, "name": name} for k, name in enumerate(CLASS_NAMES)],
        "images": images,
        "annotations": annotations,
    }
    path = directory / "annotations.json"
    write_json(path, document)  # last, so that its being there means that all is
    shutil.rmtree(directory / _DONE, ignore_errors=True)
    return path


def _in_order(
    work: Callable[[int], tuple[list[dict[str, Any]], list[dict[str, Any]]]],
    scenes: int,
    workers: int,
) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    if workers == 1:
        yield from map(work, range(scenes))
        return
    # A forked child would inherit OpenCV's thread pool without its threads, and wait for ever.
    spawn = get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, cv2.setNumThreads, (1,)) as pool:
        yield from pool.map(work, range(scenes), chunksize=4)


def _write_scene(
    plan: DatasetPlan, directory: Path, scene_index: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Write one scene's images; returns its COCO images and its annotations without id.

    Both are noted in a file, written after the images: a later start takes them from there.
    """
    done = directory / _DONE / f"{scene_index:06d}.json"
    noted = _noted(done, plan)
    if noted is not None:
        return noted
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    first = scene_index * IMAGES_PER_SCENE
    for offset, frame in enumerate(draw_scene(plan, scene_index)):
        image_id = first + offset + 1
        if image_id > plan.images:
            break
        file_name = f"images/{image_id:06d}.jpg"
        write_bytes(directory / file_name, frame.jpeg)
        sequence = scene_index * SEQUENCES_PER_SCENE + frame.sequence
        ignored: list[list[float]] = []
        for seen in frame.picture.seen:
            box = to_xywh(seen.box_xyxy_px)
            if seen.visible_fraction < MIN_VISIBLE:
                ignored.append(box)
                continue
            annotations.append(
                {
                    "image_id": image_id,
                    "category_id": CLASS_NAMES.index(frame.class_of[seen.item_id]) + 1,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                    "track_id": scene_index * 100 + seen.item_id,
                    "truncated": seen.truncated,
                    "visible_fraction": round(seen.visible_fraction, 3),
                }
            )
        images.append(
            {
                "id": image_id,
                "file_name": file_name,
                "width": plan.width_px,
                "height": plan.height_px,
                "scene": scene_index,
                "sequence": sequence,
                "ignore": ignored,
            }
        )
    write_json(done, {"plan": repr(plan), "images": images, "annotations": annotations})
    return images, annotations


def _noted(
    done: Path, plan: DatasetPlan
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]] | None:
    """Returns what an earlier start of this very plan noted of a scene, or None."""
    if not done.is_file():
        return None
    noted = json.loads(read_bytes(done))
    return (noted["images"], noted["annotations"]) if noted["plan"] == repr(plan) else None
