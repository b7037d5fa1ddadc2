"""Draws contact sheets: what was cut, what was left out and why, what was composed."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import write_bytes
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.images import read_image
from training.compose.products import CutRecord, ProductPicture, load_cutout

MOST_TILES = 120
TILE_PX = 150
COLUMNS = 8
INK = (40, 40, 40)
PAPER = (236, 236, 236)
CHECKS = ((200, 200, 200), (150, 150, 150))


def write_cut_sheets(
    folder: Path, pictures: Sequence[ProductPicture], records: Sequence[CutRecord], cuts: Path
) -> None:
    """Writes `cuts.jpg`, and `left-out.jpg` if pictures were left out.

    Args:
        folder: Where to write.
        pictures: What was cut.
        records: What became of each.
        cuts: Folder of the cut-outs.
    """
    kept: list[NDArray[np.uint8]] = []
    left_out: list[NDArray[np.uint8]] = []
    for number, record in enumerate(records):
        if (len(left_out) if record.faults else len(kept)) >= MOST_TILES:
            continue
        cutout = load_cutout(cuts / f"{number:05d}.png", 0)
        on_checks = _on_checks(cutout.image_bgr, cutout.alpha)
        if not record.faults:
            told = (record.class_name, f"score {record.score:.2f}")
            kept.append(_tile(on_checks, told))
            continue
        whole = read_image(pictures[number].image)
        both = np.hstack([_fitted(whole, TILE_PX), _fitted(on_checks, TILE_PX)])
        left_out.append(_tile(both, (record.source, *record.faults), width_px=2 * TILE_PX))
    _write(folder / "cuts.jpg", kept, COLUMNS)
    _write(folder / "left-out.jpg", left_out, COLUMNS // 2)


def write_composed_sheet(path: Path, dataset: Dataset, most: int = 24) -> None:
    """Writes the first pictures of a dataset with their boxes.

    Args:
        path: The JPEG file.
        dataset: What to show.
        most: At most so many pictures.
    """
    tiles = []
    for image in dataset.images[:most]:
        picture = read_image(image)
        for item in image.objects:
            left, top, right, bottom = (round(value) for value in item.box_xyxy_px)
            colour = _colour(item.class_index)
            cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), colour, 2)
            name = dataset.class_names[item.class_index]
            _write_text(picture, name, (left + 2, max(top - 4, 12)), colour, 0.4)
        tiles.append(_fitted(picture, 320))
    _write(path, tiles, 4)


def _colour(class_index: int) -> tuple[int, int, int]:
    hue = np.array([[[class_index * 47 % 180, 200, 255]]], np.uint8)
    blue, green, red = cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0].tolist()
    return blue, green, red


def _on_checks(image_bgr: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    dark = (np.indices(alpha.shape) // 8).sum(axis=0) % 2 > 0
    light, shade = (np.array(colour, np.float32) for colour in CHECKS)
    below = np.where(dark[..., None], light, shade)
    share = alpha[..., None].astype(np.float32) / 255
    return np.asarray(image_bgr * share + below * (1 - share), np.uint8)


def _fitted(picture: NDArray[np.uint8], width_px: int) -> NDArray[np.uint8]:
    """Shrinks or enlarges a picture into a frame of 3 to 2."""
    frame = np.full((width_px * 2 // 3, width_px, 3), PAPER, np.uint8)
    scale = min(frame.shape[0] / picture.shape[0], frame.shape[1] / picture.shape[1])
    size = (max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1))
    fitted = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    left = (frame.shape[1] - size[0]) // 2
    frame[: size[1], left : left + size[0]] = fitted
    return frame


def _tile(
    picture: NDArray[np.uint8], lines: Sequence[str], width_px: int = TILE_PX
) -> NDArray[np.uint8]:
    drawn = picture if picture.shape[1] == width_px else _fitted(picture, width_px)
    words = np.full((14 * 3, width_px, 3), PAPER, np.uint8)
    for row, line in enumerate(lines[:3]):
        shown = line if len(line) * 5.3 < width_px else line[: int(width_px / 5.3) - 2] + ".."
        _write_text(words, shown, (2, 12 + 14 * row), INK, 0.33)
    return np.vstack([drawn, words])


def _write_text(
    picture: NDArray[np.uint8],
    text: str,
    at: tuple[int, int],
    colour: tuple[int, int, int],
    size: float,
) -> None:
    # OpenCV's fonts have no letters beyond ASCII.
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(picture, plain, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)


def _write(path: Path, tiles: Sequence[NDArray[np.uint8]], columns: int) -> None:
    if not tiles:
        path.unlink(missing_ok=True)
        return
    columns = min(columns, len(tiles))
    blank = np.full_like(tiles[0], PAPER)
    filled = [*tiles, *[blank] * (-len(tiles) % columns)]
    rows = [np.hstack(filled[k : k + columns]) for k in range(0, len(filled), columns)]
    _, data = cv2.imencode(".jpg", np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 80])
    write_bytes(path, data.tobytes())
