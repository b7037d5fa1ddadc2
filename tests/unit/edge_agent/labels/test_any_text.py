"""Any text in a catalogue's file, an item and a layout: one label with that text, or a refusal."""

import csv
import io
import json
import re
import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from zplkit.parse import parse

from beltmark.contract.catalogue import Product, read_catalogue
from beltmark.contract.errors import InputError
from beltmark.contract.layout import Layout
from beltmark.simulation.printer_protocol import CommandStream, Format
from edge_agent.labels import fonts
from edge_agent.labels.proofread import label_context
from edge_agent.labels.zpl import draw_zpl
from edge_agent.orders.document import read_order
from edge_agent.station.expected import OrderLine

COMMANDS = ("^XA", "^XZ", "~JA", "^PQ9", "^FD", "^FS", "_5E", ">8", "\\&", "\0", "\x1d", "\u202e")
OTHERS = (
    '"',
    ",",
    "\r\n",
    "{{ item.serial }}",
    "{% x %}",
    "\ue000",
    "\u65e5",
    "'; DROP TABLE x; --",
)
NASTY = st.sampled_from(COMMANDS + OTHERS)
TEXT = st.one_of(
    st.lists(st.one_of(NASTY, st.text("aZ09 .-", max_size=4)), max_size=4).map("".join),
    st.text(max_size=20),
    st.text("abcXYZ 0189.-", min_size=1, max_size=20),
)
NAMED = ("product.name", "product.sku", "product.class_name", "item.serial", "item.station")
ELEMENTS = Layout.model_validate(
    {
        "name": "elements",
        "width_mm": 250,
        "height_mm": 100,
        "elements": [
            {
                "kind": "text",
                "x_mm": 1,
                "y_mm": 1 + 8 * row,
                "size_mm": 2,
                "max_width_mm": 240,
                "text": f"<{{{{ {name} }}}}>",
            }
            for row, name in enumerate(NAMED)
        ],
    }
)
RAW = Layout.model_validate(
    {
        "name": "raw",
        "width_mm": 250,
        "height_mm": 100,
        "zpl": "^XA"
        + "".join(
            f"^FO1,{1 + 30 * row}^A0N,20^FD<{{{{ {name} }}}}>^FS" for row, name in enumerate(NAMED)
        )
        + "^XZ",
    }
)


def row_of(values: dict[str, str]) -> Product | None:
    """The product as a warehouse's export brings it; None where it is refused."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(values))
    writer.writeheader()
    writer.writerow(values)
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        path = Path(file.name)
        path.write_bytes(text.getvalue().encode(errors="surrogatepass"))
        try:
            (product,) = read_catalogue(path).products
        except InputError:
            return None
    return product


def printed_texts(label: bytes) -> list[str]:
    """What the printer finds in the fields of the one label that it makes of these bytes."""
    found = [one.data[3:] for one in parse(label).elements if one.data.startswith(b"^FD")]
    return [
        re.sub(rb"_([0-9A-F]{2})", lambda code: bytes([int(code[1], 16)]), data).decode()
        for data in found
    ]


@settings(deadline=None)
@given(
    st.fixed_dictionaries(dict.fromkeys(("name", "sku", "class_name"), TEXT)),
    st.fixed_dictionaries(dict.fromkeys(("serial", "station"), TEXT)),
    st.sampled_from(["1", "3", "10"]),
    st.sampled_from([ELEMENTS, RAW]),
)
def test_one_label_with_that_text_or_a_refusal(
    values: dict[str, str], item: dict[str, str], copies: str, layout: Layout
) -> None:
    product = row_of({**values, "gtin": "4006381333931", "copies": copies})
    if product is None:
        return
    try:
        label = draw_zpl(layout, label_context(item, product), 8, product.copies)
    except InputError:
        return
    (only,) = CommandStream().feed(label)
    assert only == Format(label)
    assert only.copies == int(copies)
    texts = [product.name, product.sku, product.class_name, item["serial"], item["station"]]
    expected = [f"<{text}>" for text in texts]
    if layout is ELEMENTS:
        expected = [fonts.composed(text) for text in expected]
    assert printed_texts(label) == expected


def order_of(values: dict[str, str], *, as_csv: bool) -> OrderLine | None:
    """The line of an order as the warehouse system sends it; None where it is refused."""
    if as_csv:
        text = io.StringIO()
        writer = csv.DictWriter(text, [*values, "quantity"])
        writer.writeheader()
        writer.writerow({**values, "quantity": "1"})
        content = text.getvalue()
    else:
        content = json.dumps({"lines": [{**values, "quantity": 1}]})
    try:
        (line,) = read_order(content.encode(errors="surrogatepass"), "the order")
    except InputError:
        return None
    return line


ORDERED = Layout.model_validate(
    {
        "name": "ordered",
        "width_mm": 250,
        "height_mm": 100,
        "zpl": "^XA^FO1,1^FD<{{ order.id }}>^FS^FO1,40^FD<{{ order.lot }}>^FS^XZ",
    }
)


@settings(deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(("order", "sku", "lot"), TEXT)), st.booleans())
def test_what_an_order_says_is_printed_as_it_is_or_refused(
    values: dict[str, str], as_csv: bool
) -> None:
    line = order_of(values, as_csv=as_csv)
    if line is None or line.lot is None:
        return
    product = Product(sku="A", gtin="4006381333931", name="a", class_name="box")
    told = {"id": line.order_id, "lot": line.lot}
    try:
        label = draw_zpl(ORDERED, label_context({"serial": "1"}, product, told), 8)
    except InputError:
        return
    (only,) = CommandStream().feed(label)
    assert only == Format(label)
    assert only.copies == 1
    assert printed_texts(label) == [f"<{line.order_id}>", f"<{line.lot}>"]


@settings(deadline=None)
@given(TEXT)
def test_what_a_catalogue_takes_it_keeps_as_it_is(name: str) -> None:
    product = row_of({"sku": "A", "gtin": "4006381333931", "name": name, "class_name": "box"})
    assert product is None or product.name == name


@settings(deadline=None)
@given(st.one_of(TEXT, TEXT.map(lambda text: f"^XA^FO1,1^FD{text}^FS^XZ")))
@example("^XA^XZ")
def test_a_customers_template_prints_one_label_or_is_refused(zpl: str) -> None:
    try:
        layout = Layout.model_validate({"name": "x", "width_mm": 50, "height_mm": 30, "zpl": zpl})
        context = label_context({"serial": "1"}, Product(
            sku="A", gtin="4006381333931", name="a", class_name="box"))  # fmt: skip
        label = draw_zpl(layout, context, 8)
    except (InputError, ValueError):
        return
    (only,) = CommandStream().feed(label)
    assert isinstance(only, Format)
    assert only.copies == 1
