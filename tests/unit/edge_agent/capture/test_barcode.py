"""Barcodes are read off an item's part of a frame, and say what they are worth."""

import cv2
import numpy as np
import pytest
import zxingcpp
from coded_items import code_of, ean13, gs1_datamatrix
from numpy.typing import NDArray

from edge_agent.capture.barcode import BarcodeReader
from edge_agent.station.codes import ItemCode

GTIN, GTIN14 = "9521234500018", "09521234500018"
KIND = zxingcpp.BarcodeFormat


def read(code: NDArray[np.uint8], turns: int = 0) -> tuple[ItemCode, ...]:
    """Reads a code that lies somewhere in a frame with noise around it."""
    frame = np.random.default_rng(1).integers(0, 60, (480, 640, 3), np.uint8)
    turned = np.rot90(code, turns)
    height, width = turned.shape
    frame[100 : 100 + height, 200 : 200 + width] = turned[:, :, None]
    reader = BarcodeReader(lambda gtin14, serial: (gtin14, serial) == (GTIN14, "ABC0000001"))
    return reader.read(frame, (195.0, 95.0, 205.0 + width, 105.0 + height))


@pytest.mark.parametrize("turns", range(4))
def test_retail_codes_are_read_however_the_item_lies(turns: int) -> None:
    assert read(ean13(GTIN), turns) == (ItemCode("EAN-13", GTIN, True, GTIN14),)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (code_of("96385074", KIND.EAN8), ("96385074", True, "00000096385074")),
        (code_of("036000291452", KIND.UPCA), ("0036000291452", True, "00036000291452")),
        (code_of("15400141288763", KIND.ITF), ("15400141288763", False, "15400141288763")),
        (code_of("123456", KIND.ITF), ("123456", False, None)),
        (code_of("P1-ABC", KIND.Code128), ("P1-ABC", True, None)),
        (code_of("P1-ABC", KIND.Code39), ("P1-ABC", False, None)),
        (code_of(GTIN, KIND.QRCode), (GTIN, True, None)),
    ],
)
def test_other_codes(code: NDArray[np.uint8], expected: tuple[str, bool, str | None]) -> None:
    (found,) = read(code)
    assert (found.text, found.is_checked, found.gtin14) == expected
    assert not found.is_ours


def test_a_gs1_code_tells_lot_expiry_and_whose_label_it_is() -> None:
    (found,) = read(gs1_datamatrix(f"(01){GTIN14}(10)LOT7(17)270100(21)ABC0000001"))
    assert (found.gtin14, found.lot, found.expiry) == (GTIN14, "LOT7", "2027-01-31")
    assert (found.serial, found.is_ours) == ("ABC0000001", True)
    (foreign,) = read(gs1_datamatrix(f"(01){GTIN14}(21)ABC0000002"))
    assert not foreign.is_ours
    assert foreign.text.isprintable()


def test_what_lies_outside_the_box_is_not_read() -> None:
    frame = np.full((480, 640, 3), 255, np.uint8)
    code = ean13(GTIN)
    frame[10 : 10 + code.shape[0], 10 : 10 + code.shape[1]] = code[:, :, None]
    reader = BarcodeReader(lambda *_: False)
    assert reader.read(frame, (300.0, 200.0, 500.0, 400.0)) == ()
    assert reader.read(frame, (700.0, 500.0, 800.0, 600.0)) == ()


def test_a_large_item_is_looked_at_in_a_smaller_picture() -> None:
    large = cv2.resize(ean13(GTIN), None, fx=12, fy=12, interpolation=cv2.INTER_NEAREST)
    frame = np.repeat(large[:, :, None], 3, axis=2).astype(np.uint8)
    reader = BarcodeReader(lambda *_: False)
    (found,) = reader.read(frame, (0.0, 0.0, float(frame.shape[1]), float(frame.shape[0])))
    assert found.gtin14 == GTIN14
