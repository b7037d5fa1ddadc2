"""What a life is told in place of a camera and a model: detections, a release, how labels look."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.catalogue import Catalogue
from beltmark.contract.layout import Layout
from beltmark.contract.package import InputSpec, Manifest, ModelPackage, OutputSpec
from beltmark.contract.policy import Policy
from beltmark.contract.release import Release
from bench.crash.belt import CLASSES, HEIGHT_PX, WIDTH_PX, products
from edge_agent.printing.records import LabelOrder
from edge_agent.station.geometry import BoxXyxyPx

_LAYOUT = Layout(name="item", width_mm=60, height_mm=30, zpl="^XA^FDdrawn otherwise^FS^XZ")


@dataclass(frozen=True)
class _Seen:
    box_xyxy_px: BoxXyxyPx
    score: float
    class_scores: NDArray[np.float32]


class ToldDetector:
    """Finds what the camera said is there."""

    def __init__(self) -> None:
        self.told: list[_Seen] = []

    def tell(self, seen: list[tuple[str, BoxXyxyPx]]) -> None:
        """What the next frame shows."""
        self.told = []
        for class_name, box_px in seen:
            scores = np.full(len(CLASSES), 0.02, np.float32)
            scores[CLASSES.index(class_name)] = 0.95
            self.told.append(_Seen(box_px, 0.95, scores))

    def detect(self, _image_bgr: NDArray[np.uint8]) -> list[_Seen]:
        """Finds items."""
        return self.told


class Renderer:
    """Draws labels that say what matters."""

    def render(self, order: LabelOrder) -> bytes:
        """Returns one label as ZPL."""
        text = f"01{order.product.gtin14}21{order.item.serial}"
        symbol, words = f"^FO20,20^BXN,6,200^FD{text}^FS", f"^FO20,160^FD{order.item.item_id}^FS"
        return f"^XA^PW480^LL240^PQ{order.product.copies}{symbol}{words}^XZ".encode("ascii")


def release(folder: Path, copies: int) -> Release:
    """Returns the release of a station whose second product gets so many labels."""
    manifest = Manifest(
        name="told",
        classes=CLASSES,
        none_of_these=CLASSES[-1],
        input=InputSpec(height_px=HEIGHT_PX, width_px=WIDTH_PX),
        outputs=OutputSpec(embedding_size=1),
        files={"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
    )
    package = ModelPackage(folder, manifest, "a" * 64)
    return Release(
        folder,
        "crash-1",
        package,
        Policy(),
        {"item": _LAYOUT},
        Catalogue(products=products(copies)),
    )
