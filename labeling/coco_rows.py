"""COCO's rows as they stand in the file, with all that other tools added: nothing may get lost.

`beltmark.datasets.coco` reads the same file for training and refuses what would mislead it; here it
is asked first. What the rows become in Label Studio is left to `exporting`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from beltmark.contract.documents import parse
from beltmark.datasets.coco import read_coco
from beltmark.datasets.label_studio.words import Number, Row
from beltmark.datasets.text import load_json
from labeling.classes import check_labels

KEPT_OF_DATASET: Final = ("info", "licenses", "categories")
"""What is said of the dataset as a whole, beside its images and annotations."""


class _Form(BaseModel):
    """Puts the fields that are used here into their form ("7" into 7); keeps all others."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    id: int


class _Category(_Form):
    name: str


class _Image(_Form):
    width: int
    height: int
    ignore: list[Annotated[list[Number], Field(min_length=4, max_length=4)]] = []


class _Annotation(_Form):
    image_id: int
    category_id: int
    bbox: Annotated[list[Number], Field(min_length=4, max_length=4)]
    truncated: bool = False
    blurred: bool = False
    uncertain: bool = False


@dataclass(frozen=True)
class CocoRows:
    """A dataset, row by row.

    Attributes:
        path: The annotation file.
        header: What of `KEPT_OF_DATASET` the file has.
        images: In the order of the file.
        annotations: Likewise.
        left_out: What else the file has beside these, by name; it does not go to Label Studio.
    """

    path: Path
    header: Row
    images: tuple[Row, ...]
    annotations: tuple[Row, ...]
    left_out: tuple[str, ...] = ()

    @property
    def class_names(self) -> dict[int, str]:
        """The classes by their ids."""
        return {row["id"]: row["name"] for row in self.header["categories"]}

    def by_image(self) -> dict[int, list[Row]]:
        """The annotations of each image, by its id."""
        found: dict[int, list[Row]] = {image["id"]: [] for image in self.images}
        for annotation in self.annotations:
            found[annotation["image_id"]].append(annotation)
        return found


def read_rows(path: Path) -> CocoRows:
    """Reads a dataset whose rows `read_coco` finds sound and whose classes can be labels.

    Raises:
        InputError: Names file, element and mend.
    """
    read_coco(path)
    document = load_json(path)
    header = {key: document[key] for key in KEPT_OF_DATASET if key in document}
    header["categories"] = _rows(document, "categories", _Category, path)
    images = _rows(document, "images", _Image, path)
    annotations = _rows(document, "annotations", _Annotation, path)
    left_out = sorted(document.keys() - {*KEPT_OF_DATASET, "images", "annotations"})
    rows = CocoRows(path, header, tuple(images), tuple(annotations), tuple(left_out))
    check_labels(rows.class_names.values(), path)
    return rows


def _rows(document: Row, name: str, form: type[_Form], path: Path) -> list[Row]:
    return [
        parse(row, form, f"{path}: {name}[{index}]").model_dump(exclude_unset=True)
        for index, row in enumerate(document[name])
    ]
