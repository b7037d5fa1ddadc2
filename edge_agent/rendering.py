"""Draws the labels of a release for the spooler. How a layout is drawn is left to `labels`."""

from collections.abc import Iterator, Mapping

from beltmark.contract.catalogue import Product
from beltmark.contract.release import Release
from edge_agent.labels.errors import LabelError
from edge_agent.labels.proofread import label_context, refused_labels
from edge_agent.labels.zpl import draw_zpl
from edge_agent.printing.records import LabelItem, LabelOrder

# As long as a label's values can become: see the journal's serials.
_EXAMPLE = LabelItem("0" * 16, "W" * 6 + "0" * 7, "station", 1_700_000_000.0, "class")


class ReleaseLabels:
    """The labels of one release, and those that earlier ones ordered with their own layouts.

    Args:
        release: Whose layouts and products they are.
        dpmm: The printer's dots per millimetre.
    """

    def __init__(self, release: Release, dpmm: int) -> None:
        self._release, self._dpmm = release, dpmm

    def render(self, order: LabelOrder) -> bytes:
        """Returns one label as ZPL.

        Raises:
            LabelError: It cannot be drawn with these values.
        """
        layout = order.layout or self._release.layouts[order.product.layout]
        context = label_context(_fields(order.item), order.product)
        return draw_zpl(layout, context, self._dpmm)

    def refused(self) -> Iterator[tuple[Product, LabelError]]:
        """Draws every product's label once; yields those that cannot be drawn."""
        release = self._release
        return refused_labels(
            release.catalogue.products, release.layouts, _fields(_EXAMPLE), self._dpmm
        )


def _fields(item: LabelItem) -> Mapping[str, object]:
    """What a layout can say of an item."""
    return {
        "id": item.item_id,
        "serial": item.serial,
        "station": item.station,
        "decided_at": item.decided_at,
        "class_name": item.class_name,
    }
