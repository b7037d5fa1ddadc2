"""Words a label in ZPL. Text from outside can become neither a command nor a function character.

Three languages are nested in a field, and each is closed off:
- the printer's: every byte that is not plain is written in hexadecimal (`^FH`), so no `^`, `~`
  or control character from outside ever stands in the stream;
- the bar code's own: hexadecimal is decoded before `^BX` and `^BC` look for their function
  characters, so escaping doesn't help there. What goes into them is proven GS1 data, which
  cannot contain the escape character stated for `^BX`, and digits only in `^BC`;
- text fields have none: no `^FB`, whose backslashes mean something.
"""

from beltmark.contract.layout import Layout
from edge_agent.labels.escaping import field
from edge_agent.labels.expressions import Context
from edge_agent.labels.gs1 import GROUP_SEPARATOR, element_string
from edge_agent.labels.layout import (
    DrawBox,
    DrawDataMatrix,
    DrawGs1128,
    Drawing,
    DrawText,
    Operation,
    check_dpmm,
    resolve,
)
from edge_agent.labels.raw_zpl import fill_template

# Not in GS1's set of 82, hence never in the data; the default differs between firmwares.
_BX_ESCAPE = "#"
_BX_FNC1 = f"{_BX_ESCAPE}1"


def draw_zpl(
    layout: Layout, context: Context, dpmm: int, copies: int = 1, speed_in_s: int | None = None
) -> bytes:
    """Returns the whole label, from `^XA` to `^XZ`.

    Args:
        layout: The layout, of elements or of raw ZPL.
        context: The fields of `item` and `product`.
        dpmm: The printer's dots per millimetre: 6, 8, 12 or 24. Raw ZPL has its own dots.
        copies: How many of it come out, one like the other.
        speed_in_s: Print speed in inches a second, stated on the label; None leaves the printer's.

    Raises:
        LabelError: The label cannot be drawn with these values.
    """
    if layout.zpl is not None:
        check_dpmm(dpmm)
        label = fill_template(layout.zpl, context, layout.name, copies)
    else:
        label = in_zpl(resolve(layout, context, dpmm), layout.name, copies)
    if speed_in_s is None:
        return label
    # First of all: what a template itself says of the speed comes after it, and holds.
    begin = len(b"^XA")
    return label[:begin] + f"^PR{speed_in_s}".encode("ascii") + label[begin:]


def in_zpl(drawing: Drawing, name: str, copies: int = 1) -> bytes:
    """Words the operations; `name` is the layout's, for messages."""
    # Settings that outlive a format are stated, so that another program's label cannot bend ours:
    # UTF-8, width, length, home, normal orientation, not mirrored, not reversed, how many.
    start = (
        f"^XA^CI28^PW{drawing.width}^LL{drawing.height}^LH0,0^FWN^PON^PMN^LRN^PQ{copies},0,0,N"
    ).encode("ascii")
    return start + b"".join(_worded(operation, name) for operation in drawing.operations) + b"^XZ"


def _worded(operation: Operation, name: str) -> bytes:
    at = f"^FO{operation.x},{operation.y}"
    match operation:
        case DrawText():
            command = f"{at}^A0N,{operation.height},{operation.height}"
            return command.encode("ascii") + field(operation.text, name)
        case DrawDataMatrix():
            side = operation.modules
            command = f"{at}^BXN,{operation.module},200,{side},{side},6,{_BX_ESCAPE}"
            data = _BX_FNC1 + element_string(operation.pairs).replace(GROUP_SEPARATOR, _BX_FNC1)
            return command.encode("ascii") + field(data, name)
        case DrawGs1128():
            # Mode D sets start character and FNC1 itself; the parentheses are not encoded.
            command = f"{at}^BY{operation.module}^BCN,{operation.height},N,N,N,D"
            return command.encode("ascii") + field(f"(00){operation.sscc}", name)
        case DrawBox():
            line = min(operation.line, operation.width, operation.height)
            return f"{at}^GB{operation.width},{operation.height},{line}^FS".encode("ascii")
