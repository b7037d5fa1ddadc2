"""Labels as printers make them, rendered by a third party and put into pictures, and read."""

from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
from label_reading import rendered
from numpy.typing import NDArray

from beltmark.contract.layout import read_layout
from edge_agent.labels.expressions import Context
from edge_agent.labels.zpl import draw_zpl
from edge_agent.verification.marking import Marking
from edge_agent.verification.reader import read_labels

GTIN = "09521234500018"
LAYOUT = read_layout(Path(str(files("beltmark").joinpath("bundled/layouts/item.toml"))))
PX_PER_MM = 4


def label(serial: str) -> NDArray[np.uint8]:
    """A label of 4 px per mm: uint8 [height, width, 3], BGR."""
    context: Context = {
        "item": {"id": "i", "serial": serial, "sscc": "", "decided_at": 1_790_000_000.0},
        "product": {"sku": "CARTON-01", "gtin": GTIN, "name": "Ground coffee 250 g"},
    }
    print_out = rendered(draw_zpl(LAYOUT, context, 8), LAYOUT.width_mm, LAYOUT.height_mm, 8)
    size = (round(LAYOUT.width_mm * PX_PER_MM), round(LAYOUT.height_mm * PX_PER_MM))
    small = cv2.resize(print_out, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR), np.uint8)


def belt(seed: int = 1) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).integers(20, 60, (400, 560, 3))
    return noise.astype(np.uint8)


def put(picture: NDArray[np.uint8], part: NDArray[np.uint8], left: int, top: int) -> None:
    height, width = part.shape[:2]
    picture[top : top + height, left : left + width] = part


def test_a_label_is_read_on_a_belt_straight_or_turned() -> None:
    for turned in (None, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180):
        picture, part = belt(), label("ABC0000001")
        put(picture, part if turned is None else cv2.rotate(part, turned), 40, 40)
        sight = read_labels(cv2.GaussianBlur(picture, (0, 0), 0.8))
        assert sight.markings == (Marking(GTIN, "ABC0000001"),)
        assert sight.is_label_like


def test_two_labels_are_two_and_equal_ones_as_well() -> None:
    for second in ("ABC0000002", "ABC0000001"):
        picture = belt()
        put(picture, label("ABC0000001"), 5, 10)
        put(picture, label(second), 300, 220)
        markings = read_labels(picture).markings
        assert sorted(m.serial for m in markings) == sorted(["ABC0000001", second])


def test_a_label_that_is_smeared_is_seen_and_not_read() -> None:
    picture = belt()
    put(picture, cv2.blur(label("ABC0000001"), (25, 1)), 40, 40)
    sight = read_labels(picture)
    assert sight.markings == ()
    assert sight.is_label_like


def test_a_bare_belt_and_goods_with_codes_of_their_own_are_no_labels_of_ours() -> None:
    assert not read_labels(belt()).is_label_like
    encoded = cv2.QRCodeEncoder.create().encode("https://example.com/coffee")
    picture = belt()
    put(picture, cv2.cvtColor(cv2.resize(encoded, None, fx=5, fy=5, interpolation=0), 8), 40, 40)
    assert read_labels(picture).markings == ()
