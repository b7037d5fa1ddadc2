"""Pictures of labels: the very labels that were ordered, beside the printer and never before it."""

import threading

import cv2
import numpy as np
import zxingcpp
from blob_station import BUNDLED_LAYOUT
from waiting import until

from beltmark.contract.catalogue import Product
from beltmark.contract.layout import Layout, read_layout
from edge_agent.label_pictures import LabelPictures, ShownLabels
from edge_agent.printing.records import LabelItem, LabelOrder, Place

PRODUCT = Product(sku="C1", gtin="4006381333931", name="carton", class_name="carton")
LAYOUT = read_layout(BUNDLED_LAYOUT)


def order(item_id: str, serial: str = "A1", layout: Layout | None = LAYOUT) -> LabelOrder:
    item = LabelItem(item_id, serial, "station", 1_700_000_000.0, "carton")
    return LabelOrder(item, PRODUCT, Place(1.0, 2.0, 3.0), layout)


class Printer:
    """A queue of labels that takes note."""

    def __init__(self) -> None:
        self.taken: list[LabelOrder] = []

    def submit(self, order: LabelOrder) -> None:
        self.taken.append(order)


def test_the_picture_bears_what_the_label_says() -> None:
    shown: dict[str, bytes] = {}
    pictures, printer = LabelPictures(shown.__setitem__, 8), Printer()
    pictures.start()
    labels = ShownLabels(printer, pictures)
    for item_id, serial in (("i1", "A1"), ("i2", "A2")):
        labels.submit(order(item_id, serial))
    pictures.stop()
    assert [taken.item.item_id for taken in printer.taken] == ["i1", "i2"]
    for item_id, serial in (("i1", b"A1"), ("i2", b"A2")):
        image = cv2.imdecode(np.frombuffer(shown[item_id], np.uint8), cv2.IMREAD_GRAYSCALE)
        (symbol,) = zxingcpp.read_barcodes(image)
        assert symbol.bytes == b"0104006381333931" + b"21" + serial


def test_a_label_that_has_no_picture_stops_nothing() -> None:
    shown: dict[str, bytes] = {}
    pictures = LabelPictures(shown.__setitem__, 8)
    pictures.start()
    raw = Layout(name="raw", width_mm=60, height_mm=40, zpl="^XA^XZ")
    pictures.draw(order("raw", layout=raw))
    pictures.draw(order("without", layout=None))
    pictures.draw(order("unsayable", serial="\N{SNOWMAN}"))
    pictures.draw(order("good"))
    pictures.stop()
    assert list(shown) == ["good"]


def test_who_is_shown_may_fail() -> None:
    asked: list[str] = []

    def show(item_id: str, png: bytes) -> None:
        asked.append(item_id)
        raise RuntimeError

    pictures = LabelPictures(show, 8)
    pictures.start()
    pictures.draw(order("i1"))
    pictures.draw(order("i2"))
    pictures.stop()
    assert asked == ["i1", "i2"]


def test_the_printer_does_not_wait_for_pictures() -> None:
    begun, may_go_on = threading.Event(), threading.Event()
    shown: list[str] = []

    def show(item_id: str, png: bytes) -> None:
        begun.set()
        may_go_on.wait(60)
        shown.append(item_id)

    pictures, printer = LabelPictures(show, 8), Printer()
    pictures.start()
    labels = ShownLabels(printer, pictures)
    labels.submit(order("first"))
    until(begun.is_set, "a picture")
    for number in range(100):
        labels.submit(order(f"i{number}"))
    assert len(printer.taken) == 101
    may_go_on.set()
    pictures.stop()
    assert 1 < len(shown) < 100
