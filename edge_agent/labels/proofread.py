"""Draws every product's label once before any item comes, so that refusals are known early.

What a station does about a product whose label is refused is left to it.
"""

from collections.abc import Iterable, Iterator, Mapping

from beltmark.contract.catalogue import Product
from beltmark.contract.layout import Layout
from edge_agent.labels.errors import LabelError
from edge_agent.labels.expressions import Context
from edge_agent.labels.zpl import draw_zpl


def label_context(
    item: Mapping[str, object], product: Product, order: Mapping[str, object] | None = None
) -> Context:
    """Returns what the expressions of a layout can name.

    Args:
        item: The item's fields: `id`, `serial`, `decided_at` (seconds since the epoch), …
        product: The product decided on.
        order: `id`, and where they are known `lot` and `expiry`; none where it goes by no order.
    """
    unit = {"sscc": item["sscc"]} if "sscc" in item else {}
    return {"item": item, "product": product.model_dump(), "unit": unit, "order": order or {}}


def refused_labels(
    products: Iterable[Product],
    layouts: Mapping[str, Layout],
    example_item: Mapping[str, object],
    dpmm: int,
    example_order: Mapping[str, object] | None = None,
) -> Iterator[tuple[Product, LabelError]]:
    """Yields every product whose label cannot be drawn, with the reason.

    Args:
        products: The products; each names its layout.
        layouts: The layouts by name; every product's layout is among them.
        example_item: An item's fields with values as long as they can become.
        dpmm: The printer's dots per millimetre.
        example_order: What an order tells, likewise; None where there is none.
    """
    for product in products:
        try:
            draw_zpl(
                layouts[product.layout], label_context(example_item, product, example_order), dpmm
            )
        except LabelError as error:
            yield product, error
