"""Whether a product's size in the catalogue is what an item measures. Pure."""

from beltmark.contract.catalogue import Catalogue, Product
from edge_agent.station.footprint import Footprint

# Where the catalogue gives a size without a tolerance.
_TOLERANCE_SHARE = 0.1
_LEAST_TOLERANCE_MM = 5.0


def sized_classes(catalogue: Catalogue) -> frozenset[str]:
    """Returns the classes with a product whose size is known: only their items are measured."""
    return frozenset(p.class_name for p in catalogue.products if has_size(p))


def has_size(product: Product) -> bool:
    """Whether the catalogue knows at least one of its sides."""
    return product.length_mm is not None or product.width_mm is not None


def fits(product: Product, footprint: Footprint, max_tolerance_mm: float | None) -> bool:
    """Whether an item that measures this can be the product, as far as its size is known."""
    measured = (footprint.length_mm, footprint.width_mm)
    return all(
        side is None or abs(seen - side) <= _tolerance_mm(product, side, max_tolerance_mm)
        for seen, side in zip(measured, _sides_mm(product), strict=True)
    )


def size_told(product: Product) -> str:
    """Says its size for a person."""
    sides = ["any" if side is None else f"{side:.0f}" for side in _sides_mm(product)]
    return f"{' x '.join(sides)} mm"


def _sides_mm(product: Product) -> tuple[float | None, float | None]:
    """Its longer and its shorter side, however the catalogue calls them."""
    length_mm, width_mm = product.length_mm, product.width_mm
    if length_mm is not None and width_mm is not None and length_mm < width_mm:
        return width_mm, length_mm
    return length_mm, width_mm


def _tolerance_mm(product: Product, side_mm: float, max_mm: float | None) -> float:
    own_mm = product.tolerance_mm or max(_LEAST_TOLERANCE_MM, _TOLERANCE_SHARE * side_mm)
    return own_mm if max_mm is None else min(own_mm, max_mm)
