"""What the rules of a decision are tried on: a few classes, products, a policy."""

from beltmark.contract.catalogue import Catalogue, Product, gtin_check_digit
from beltmark.contract.package import InputSpec, Manifest, OutputSpec
from beltmark.contract.policy import Policy

CLASSES = ("carton", "bottle", "can", "none_of_these")
MANIFEST = Manifest(
    name="test",
    classes=CLASSES,
    none_of_these="none_of_these",
    input=InputSpec(height_px=32, width_px=32),
    outputs=OutputSpec(embedding_size=1),
    files={"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
)
POLICY = Policy(threshold=0.8, min_votes=3, min_agreement=0.6, min_margin=0.2)

# These have tables of their own: see test_evidence_rules.
OF_CODES_AND_ORDERS = {
    "already_labelled",
    "several_barcodes",
    "barcode_contradicts_shape",
    "unknown_barcode",
    "order_unknown",
    "not_expected",
    "other_lot",
    "more_than_ordered",
    "expired",
}


def product(number: int, class_name: str, **more: object) -> Product:
    digits = f"{number:012d}"
    gtin = digits + str(gtin_check_digit(digits))
    name = f"{class_name} {number}"
    return Product.model_validate(
        {"sku": f"P{number}", "gtin": gtin, "name": name, "class_name": class_name, **more}
    )


def catalogue(*products: Product) -> Catalogue:
    return Catalogue(products=products)
