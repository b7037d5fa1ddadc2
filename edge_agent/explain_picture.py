"""Draws why an item was decided: its picture, candidates and label. Words are left to `explain`."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.errors import InputError
from beltmark.contract.release import Release, load_release
from edge_agent.labels.preview import draw_preview, png
from edge_agent.printing.reading import ItemRecord
from edge_agent.printing.records import LabelItem, LabelOrder
from edge_agent.rendering import order_context
from edge_agent.settings import StationFile
from edge_agent.station.weighing import Weighing

_SIDE_PX = 360
_BAR_PX = 200
_INK, _GREY, _BLUE, _RED = (20, 20, 20), (200, 200, 200), (180, 110, 40), (40, 40, 210)


def write_explanation(record: ItemRecord, settings: StationFile, out: Path) -> list[str]:
    """Writes the picture of an item; returns what is missing in it, in words.

    Raises:
        InputError: It cannot be written.
    """
    missing: list[str] = []
    panels = [
        _crop(settings.station.data / "items" / f"{record.item.item_id}.jpg", missing),
        _candidates(record.weighing),
        _label(record, settings, missing),
    ]
    try:
        out.write_bytes(png(np.hstack(panels)))
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}", "give another --out", file=out
        ) from None
    return missing


def _crop(path: Path, missing: list[str]) -> NDArray[np.uint8]:
    image = cv2.imread(str(path)) if path.is_file() else None
    if image is None:
        missing.append("no picture of the item is kept")
        return _said("no picture kept")
    return _fitted(image.astype(np.uint8))


def _candidates(weighing: Weighing | None) -> NDArray[np.uint8]:
    if weighing is None:
        return _said("scores: not recorded")
    panel = _panel()
    for row, candidate in enumerate(weighing.candidates):
        top = 20 + 40 * row
        _write(panel, f"{candidate.class_name[:30]} {candidate.probability:.2f}", 10, top)
        right = 10 + round(_BAR_PX * min(1.0, candidate.probability))
        cv2.rectangle(panel, (10, top + 6), (right, top + 16), _BLUE, -1)
    x = 10 + round(_BAR_PX * weighing.threshold)
    cv2.line(panel, (x, 8), (x, 20 + 40 * len(weighing.candidates)), _RED, 2)
    _write(panel, f"{weighing.threshold:.2f} needed", 220, 350)
    return panel


def _label(record: ItemRecord, settings: StationFile, missing: list[str]) -> NDArray[np.uint8]:
    item = record.item
    if item.serial is None:
        return _said("no label")
    try:
        for release in _releases(settings):
            if (release.name, release.package.digest) == (item.release, item.package_sha256):
                product = next(p for p in release.catalogue.products if p.sku == item.sku)
                named = LabelItem(
                    item.item_id, item.serial, item.station, item.decided_at, item.class_name or ""
                )
                layout = release.layouts[product.layout]
                line = None if record.weighing is None else record.weighing.line
                context = order_context(LabelOrder(named, product, record.place, layout, line))
                image = draw_preview(layout, context, settings.printer.dpmm)
                return _fitted(np.repeat(image[:, :, None], 3, axis=2))
    except StopIteration:
        missing.append(f"{item.sku} is not in the catalogue of {item.release} any more")
        return _said("label: product is gone")
    except InputError as error:
        missing.append(f"the label cannot be drawn: {error}")
        return _said("label cannot be drawn")
    missing.append(f"release {item.release} is not on this station any more: no label is drawn")
    return _said("label: release is gone")


def _releases(settings: StationFile) -> Iterator[Release]:
    """The releases that are on the station and whole enough to be read."""
    slots = settings.station.data / "slots"
    for folder in (slots / "a/release", slots / "b/release", settings.station.release):
        try:
            yield load_release(folder)
        except InputError:
            continue


def _panel() -> NDArray[np.uint8]:
    return np.full((_SIDE_PX, _SIDE_PX, 3), 255, np.uint8)


def _said(text: str) -> NDArray[np.uint8]:
    panel = _panel()
    _write(panel, text, 10, _SIDE_PX // 2)
    return panel


def _write(panel: NDArray[np.uint8], text: str, x: int, y: int) -> None:
    """Writes on a panel (uint8 [height, width, 3], BGR), in place."""
    told = text.encode("ascii", "replace").decode()
    cv2.putText(panel, told, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)


def _fitted(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Puts an image (uint8 [height, width, 3], BGR) into a square panel, as large as it fits."""
    height, width = image.shape[:2]
    scale = (_SIDE_PX - 20) / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    panel = np.full((_SIDE_PX, _SIDE_PX, 3), _GREY, np.uint8)
    left, top = (_SIDE_PX - size[0]) // 2, (_SIDE_PX - size[1]) // 2
    panel[top : top + size[1], left : left + size[0]] = small
    return panel
