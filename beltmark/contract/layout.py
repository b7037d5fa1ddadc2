"""The label layout: what stands where on a label, in millimetres from its top-left corner.

Texts are Jinja2 templates with expressions over `item`, `product` and `unit` (the logistic unit
that an item is, with its `sscc`), such as `{{ product.name }}`.
Their evaluation and the drawing are left to `edge_agent.labels`.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from beltmark.contract.documents import Document, read_document

MAX_ELEMENTS = 64
MAX_TEMPLATE_CHARACTERS = 1_024
MAX_ZPL_CHARACTERS = 65_536

# In an expression; in a text beside it, it would ask for nothing.
_SSCC = re.compile(r"\{[{%][^}]*\b(?:unit|item)(?:\.sscc\b|\[['\"]sscc['\"]\])")

Template = Annotated[str, Field(min_length=1, max_length=MAX_TEMPLATE_CHARACTERS)]
Position = Annotated[float, Field(ge=0, le=1_000)]
Extent = Annotated[float, Field(gt=0, le=1_000)]
Module = Annotated[float, Field(ge=0.12, le=5)]


class TextElement(Document):
    """One line of text. What does not fit into `max_width_mm` is refused, never cut.

    Attributes:
        x_mm: Left edge of the space for the text.
        y_mm: Top of the line.
        size_mm: Height of the font.
        max_width_mm: Width of the space, in which `align` places the text.
        text: Template of the text.
    """

    kind: Literal["text"]
    x_mm: Position
    y_mm: Position
    size_mm: Annotated[float, Field(ge=1, le=100)]
    max_width_mm: Extent
    align: Literal["left", "center", "right"] = "left"
    text: Template

    @property
    def right_mm(self) -> float:
        """Right edge of its space."""
        return self.x_mm + self.max_width_mm

    @property
    def bottom_mm(self) -> float:
        """Lower edge of its space."""
        return self.y_mm + self.size_mm


class Gs1DataMatrixElement(Document):
    """A GS1 DataMatrix that identifies one trade item: GTIN and serial, on request lot and expiry.

    Attributes:
        module_mm: Width of one module; the printer's dots round it down.
        gtin: Template of the GTIN (8, 12, 13 or 14 digits).
        serial: Template of the serial (AI 21).
        lot: Template of the batch or lot (AI 10).
        expiry: Template of the expiry date (AI 17), as YYYY-MM-DD or YYMMDD.
    """

    kind: Literal["gs1_datamatrix"]
    x_mm: Position
    y_mm: Position
    module_mm: Module
    gtin: Template = "{{ product.gtin }}"
    serial: Template = "{{ item.serial }}"
    lot: Template | None = None
    expiry: Template | None = None

    @property
    def right_mm(self) -> float:
        """Right edge of the smallest symbol, 10 modules wide."""
        return self.x_mm + 10 * self.module_mm

    @property
    def bottom_mm(self) -> float:
        """Lower edge of the smallest symbol."""
        return self.y_mm + 10 * self.module_mm


class Gs1128SsccElement(Document):
    """A GS1-128 bar code that identifies one logistic unit by its SSCC.

    Attributes:
        module_mm: Width of the narrowest bar; the printer's dots round it down.
        height_mm: Height of the bars.
        sscc: Template of the SSCC (18 digits, with its check digit).
    """

    kind: Literal["gs1_128_sscc"]
    x_mm: Position
    y_mm: Position
    module_mm: Module
    height_mm: Extent
    sscc: Template = "{{ item.sscc }}"

    @property
    def right_mm(self) -> float:
        """Right edge: an SSCC always takes 156 modules."""
        return self.x_mm + 156 * self.module_mm

    @property
    def bottom_mm(self) -> float:
        """Lower edge of the bars."""
        return self.y_mm + self.height_mm


class BoxElement(Document):
    """A rectangle of lines; filled where the lines are as wide as half of it. A line is a box."""

    kind: Literal["box"]
    x_mm: Position
    y_mm: Position
    width_mm: Extent
    height_mm: Extent
    line_mm: Annotated[float, Field(gt=0, le=100)] = 0.25

    @property
    def right_mm(self) -> float:
        """Right edge."""
        return self.x_mm + self.width_mm

    @property
    def bottom_mm(self) -> float:
        """Lower edge."""
        return self.y_mm + self.height_mm


Element = Annotated[
    TextElement | Gs1DataMatrixElement | Gs1128SsccElement | BoxElement,
    Field(discriminator="kind"),
]


class Layout(Document):
    """A label: its size and either elements or a ZPL template of the customer's own.

    Attributes:
        width_mm: Width of the label, across the print head.
        height_mm: Height of the label, in the direction of its feed.
        elements: What stands on it, drawn in this order.
        zpl: One whole `^XA … ^XZ` with expressions inside its `^FD … ^FS` fields.
    """

    format_version: Literal[1] = 1
    name: Annotated[str, Field(min_length=1, max_length=100)]
    width_mm: Annotated[float, Field(ge=10, le=250)]
    height_mm: Annotated[float, Field(ge=5, le=500)]
    elements: Annotated[tuple[Element, ...], Field(max_length=MAX_ELEMENTS)] = ()
    zpl: Annotated[str, Field(min_length=1, max_length=MAX_ZPL_CHARACTERS)] | None = None

    @property
    def names_sscc(self) -> bool:
        """Whether it asks for an SSCC: `unit.sscc`, or `item.sscc` as layouts of before say."""
        texts = [self.zpl or ""]
        for element in self.elements:
            given = element.model_dump(exclude={"kind"}).values()
            texts += [value for value in given if isinstance(value, str)]
        return any(_SSCC.search(text) for text in texts)

    @model_validator(mode="after")
    def _draws_one_way(self) -> Self:
        if bool(self.elements) == bool(self.zpl):
            raise ValueError("a layout has either elements or zpl")
        return self

    @model_validator(mode="after")
    def _stays_on_the_label(self) -> Self:
        for index, element in enumerate(self.elements):
            if element.right_mm > self.width_mm or element.bottom_mm > self.height_mm:
                raise ValueError(
                    f"elements.{index} ({element.kind}) reaches to {element.right_mm:g} x "
                    f"{element.bottom_mm:g} mm, beyond the label of {self.width_mm:g} x "
                    f"{self.height_mm:g} mm"
                )
        return self


def read_layout(path: Path) -> Layout:
    """Reads a layout from its TOML file.

    Raises:
        InputError: Missing, malformed, or an element that does not fit on the label.
        UnknownVersionError: A version that is not known here.
    """
    return read_document(path, Layout)
