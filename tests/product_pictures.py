"""Drawn pictures of single products, with their true masks."""

import json
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

COLOURS = {"can": (40, 60, 200), "carton": (60, 170, 60)}


def studio(colour: tuple[int, int, int] = (40, 60, 200)) -> tuple[Picture, Picture]:
    """An oval product with a soft grey shadow on white; picture and mask (uint8, 255 inside)."""
    shadow = np.zeros((160, 160), np.float32)
    cv2.ellipse(shadow, (92, 118), (46, 20), 0, 0, 360, 60, cv2.FILLED)
    picture = 255 - cv2.GaussianBlur(shadow, (0, 0), 9)[..., None].repeat(3, axis=2)
    mask = np.zeros((160, 160), np.uint8)
    cv2.ellipse(mask, (80, 80), (34, 48), 0, 0, 360, 255, cv2.FILLED)
    return _laid(picture, mask, colour), mask


def bench(seed: int, *, wall: bool = False) -> tuple[Picture, Picture]:
    """A box askew on a grainy bench that gets lighter to one side, perhaps beside a wall."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(60, 110, 200, dtype=np.float32)[None, :, None]
    picture = np.broadcast_to(ramp, (140, 200, 3)) + rng.normal(0, 3, (140, 200, 3))
    if wall:
        picture = picture.copy()
        picture[:, 180:] = 240
    mask = np.zeros((140, 200), np.uint8)
    corners = cv2.boxPoints(((90, 70), (70, 40), 25)).astype(np.int32)
    cv2.fillConvexPoly(mask, corners, 255)
    return _laid(picture.astype(np.float32), mask, (30, 190, 220)), mask


def product_dataset(
    folder: Path, *, faulty: str | None = None, names: Mapping[str, str] | None = None
) -> Path:
    """Writes a COCO dataset of two products in two studio pictures each; returns its file.

    Args:
        folder: Where to write.
        faulty: A class all of whose pictures are empty.
        names: What classes are called instead.
    """
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for label, (name, colour) in enumerate(COLOURS.items(), 1):
        for turn in range(2):
            picture, mask = studio(colour)
            if turn:
                picture, mask = np.rot90(picture).copy(), np.rot90(mask).copy()
            if name == faulty:
                picture = np.full_like(picture, 255)
            number = len(images) + 1
            cv2.imwrite(str(folder / "images" / f"{number}.png"), picture)
            images.append(
                {"id": number, "file_name": f"images/{number}.png", "width": 160, "height": 160}
            )
            annotations.append(
                {
                    "id": number,
                    "image_id": number,
                    "category_id": label,
                    "bbox": [0, 0, 160, 160],
                }
            )
    called = {name: name for name in COLOURS} | dict(names or {})
    categories = [{"id": k, "name": called[name]} for k, name in enumerate(COLOURS, 1)]
    path = folder / "annotations.json"
    path.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    return path


def overlap(one: Picture, other: Picture) -> float:
    """Intersection over union of two masks."""
    return float(((one > 0) & (other > 0)).sum() / ((one > 0) | (other > 0)).sum())


def _laid(picture: NDArray[np.float32], mask: Picture, colour: tuple[int, int, int]) -> Picture:
    cover = cv2.GaussianBlur(mask, (3, 3), 0)[..., None].astype(np.float32) / 255
    return np.clip(picture * (1 - cover) + np.float32(colour) * cover, 0, 255).astype(np.uint8)
