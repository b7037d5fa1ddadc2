"""Draws the labels of a release for the spooler. How a layout is drawn is left to `labels`."""

from collections.abc import Iterator, Mapping
from datetime import date

from beltmark.contract.catalogue import Product
from beltmark.contract.layout import Layout
from beltmark.contract.release import Release
from edge_agent.labels.errors import LabelError
from edge_agent.labels.expressions import Context
from edge_agent.labels.proofread import label_context, refused_labels
from edge_agent.labels.zpl import draw_zpl
from edge_agent.printing.printers.profile import Profile
from edge_agent.printing.records import LabelItem, LabelOrder
from edge_agent.station.expected import OrderLine

# As long as a label's values can become: see the journal's serials.
_EXAMPLE = LabelItem(
    "0" * 16, "W" * 6 + "0" * 7, "station", 1_700_000_000.0, "class", sscc="0" * 18
)
# Of the usual length: one that does not fit keeps its item, not the station, from being labelled.
_EXAMPLE_LINE = OrderLine("0" * 12, "sku", 1, "0" * 10, date(2027, 12, 31))


class ReleaseLabels:
    """Draws labels, each as the release that decided wants it, whatever release runs by then.

    Args:
        release: Whose products are looked at by `refused`.
        dpmm: The printer's dots per millimetre.
        profile: What else is known of the printer.
        has_orders: Whether the station goes by an order, of which layouts may tell.
    """

    def __init__(
        self,
        release: Release,
        dpmm: int,
        profile: Profile | None = None,
        *,
        has_orders: bool = True,
    ) -> None:
        self._example_order = _order_fields(_EXAMPLE_LINE) if has_orders else None
        self._release, self._dpmm, self._profile = release, dpmm, profile or Profile()

    def render(self, order: LabelOrder) -> bytes:
        """Returns one label as ZPL.

        Raises:
            LabelError: It cannot be drawn with these values, or nothing says how.
        """
        if order.layout is None:
            raise LabelError("nothing says how its label is drawn", "label it by hand")
        self._check_width(order.layout)
        return draw_zpl(
            order.layout,
            order_context(order),
            self._dpmm,
            order.product.copies,
            self._profile.print_speed_in_s,
        )

    def refused(self) -> Iterator[tuple[Product, LabelError]]:
        """Draws every product's label once; yields those that cannot be drawn."""
        products, layouts = self._release.catalogue.products, self._release.layouts
        for product in products:
            try:
                self._check_width(layouts[product.layout])
            except LabelError as error:
                yield product, error
            else:
                example = _fields(_EXAMPLE)
                yield from refused_labels(
                    [product], layouts, example, self._dpmm, self._example_order
                )

    def _check_width(self, layout: Layout) -> None:
        width_mm = self._profile.width_mm
        if width_mm is not None and layout.width_mm > width_mm:
            raise LabelError(
                f"it is {layout.width_mm:g} mm wide, printer.profile.width_mm is {width_mm:g}",
                "use wider stock, or another layout",
                file=layout.name,
                field="width_mm",
            )


def order_context(order: LabelOrder) -> Context:
    """Returns what the layout of an order can name."""
    fields = None if order.line is None else _order_fields(order.line)
    return label_context(_fields(order.item), order.product, fields)


def _order_fields(line: OrderLine) -> Mapping[str, object]:
    """What a layout can say of the order; what is not known has no name."""
    told: dict[str, object] = {"id": line.order_id}
    if line.lot is not None:
        told["lot"] = line.lot
    if line.expiry is not None:
        told["expiry"] = line.expiry.isoformat()
    return told


def _fields(item: LabelItem) -> Mapping[str, object]:
    """What a layout can say of an item."""
    unit = {} if item.sscc is None else {"sscc": item.sscc}
    return unit | {
        "id": item.item_id,
        "serial": item.serial,
        "station": item.station,
        "decided_at": item.decided_at,
        "class_name": item.class_name,
    }
