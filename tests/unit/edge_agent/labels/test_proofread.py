"""Products whose label cannot be drawn are named before any item comes."""

from importlib.resources import files
from pathlib import Path

from beltmark.contract.catalogue import Product
from beltmark.contract.layout import read_layout
from edge_agent.labels.errors import TextTooLongError
from edge_agent.labels.proofread import refused_labels

WIDEST_ITEM = {"id": "i-1", "serial": "W" * 20, "decided_at": 1_790_000_000.0}


def product(name: str) -> Product:
    return Product(sku="1", gtin="9506000134352", name=name, class_name="carton")


def test_only_the_refused_are_named():
    path = Path(str(files("beltmark").joinpath("bundled/layouts/item.toml")))
    products = [product("Tea"), product("W" * 40), product("Coffee")]
    refused = list(refused_labels(products, {"item": read_layout(path)}, WIDEST_ITEM, 8))
    assert [found.name for found, _ in refused] == ["W" * 40]
    assert isinstance(refused[0][1], TextTooLongError)
