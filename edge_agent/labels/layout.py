"""Turns a layout and the values of one item into draw operations in printer dots. Pure.

Everything that would make a bad label is refused here: values that GS1 does not allow, text that
does not fit, symbols off the label or on top of something. The wording of the operations is left
to `zpl.py`, their picture to `preview.py`.
"""

from dataclasses import dataclass

from beltmark.contract.layout import (
    BoxElement,
    Element,
    Gs1DataMatrixElement,
    Gs1128SsccElement,
    Layout,
    TextElement,
)
from edge_agent.labels import fonts, gs1, symbols
from edge_agent.labels.errors import LabelError, TextTooLongError
from edge_agent.labels.expressions import Context, compiled

DPMM = (6, 8, 12, 24)
"""Resolutions of print heads, in dots per millimetre (150, 203, 300 and 600 dpi)."""


@dataclass(frozen=True)
class Area:
    """A rectangle in dots; right and bottom are outside."""

    left: int
    top: int
    right: int
    bottom: int

    def overlaps(self, other: "Area") -> bool:
        """True when they share a dot."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@dataclass(frozen=True)
class DrawText:
    """One line of text; `x`, `y` is its top-left corner."""

    x: int
    y: int
    height: int
    width: int
    text: str

    @property
    def areas(self) -> tuple[Area, ...]:
        """Where there may be ink."""
        return (Area(self.x, self.y, self.x + self.width, self.y + self.height),)


@dataclass(frozen=True)
class DrawDataMatrix:
    """A GS1 DataMatrix of `modules` squared, of (application identifier, value) pairs."""

    x: int
    y: int
    module: int
    modules: int
    pairs: tuple[tuple[str, str], ...]

    @property
    def areas(self) -> tuple[Area, ...]:
        """The symbol with its quiet zone of one module."""
        size = self.module * (self.modules + 1)
        left, top = self.x - self.module, self.y - self.module
        return (Area(left, top, self.x + size, self.y + size),)


@dataclass(frozen=True)
class DrawGs1128:
    """A GS1-128 of an SSCC; `sscc` has 18 digits."""

    x: int
    y: int
    module: int
    height: int
    sscc: str

    @property
    def areas(self) -> tuple[Area, ...]:
        """The symbol with its quiet zones of ten modules at both sides."""
        quiet = symbols.LINEAR_QUIET_MODULES * self.module
        width = symbols.SSCC_MODULES * self.module
        return (Area(self.x - quiet, self.y, self.x + width + quiet, self.y + self.height),)


@dataclass(frozen=True)
class DrawBox:
    """A rectangle of lines `line` dots wide."""

    x: int
    y: int
    width: int
    height: int
    line: int

    @property
    def areas(self) -> tuple[Area, ...]:
        """Its four lines."""
        right, bottom, line = self.x + self.width, self.y + self.height, self.line
        return (
            Area(self.x, self.y, right, min(self.y + line, bottom)),
            Area(self.x, max(bottom - line, self.y), right, bottom),
            Area(self.x, self.y, min(self.x + line, right), bottom),
            Area(max(right - line, self.x), self.y, right, bottom),
        )


Operation = DrawText | DrawDataMatrix | DrawGs1128 | DrawBox
_Symbol = DrawDataMatrix | DrawGs1128


@dataclass(frozen=True)
class Drawing:
    """A label in dots of `dpmm` per millimetre, ready to be drawn."""

    width: int
    height: int
    dpmm: int
    operations: tuple[Operation, ...]


def resolve(layout: Layout, context: Context, dpmm: int) -> Drawing:
    """Fills the layout with the values of one item.

    Args:
        layout: A layout of elements (not of raw ZPL).
        context: The fields of `item` and `product`.
        dpmm: The printer's dots per millimetre: 6, 8, 12 or 24.

    Raises:
        TextTooLongError: A text does not fit into its space.
        LabelError: A value is missing or not allowed, or a symbol does not fit.
    """
    check_dpmm(dpmm)
    named: list[tuple[str, Operation]] = []
    for index, element in enumerate(layout.elements):
        name = f"elements.{index} ({element.kind})"
        operation = _operation(element, _Site(layout, name, context, dpmm))
        if operation is not None:
            named.append((name, operation))
    drawing = Drawing(
        round(layout.width_mm * dpmm),
        round(layout.height_mm * dpmm),
        dpmm,
        tuple(operation for _, operation in named),
    )
    _check_symbols(drawing, named, layout.name)
    return drawing


def check_dpmm(dpmm: int) -> None:
    """Refuses a resolution that no print head has."""
    if dpmm not in DPMM:
        raise LabelError(
            f"no print head has {dpmm} dots per millimetre",
            f"use one of: {', '.join(map(str, DPMM))}",
            field="dpmm",
        )


@dataclass(frozen=True)
class _Site:
    """Where an element is drawn: what its evaluation needs and how its problems are named."""

    layout: Layout
    name: str
    context: Context
    dpmm: int

    def dots(self, length_mm: float) -> int:
        return round(length_mm * self.dpmm)

    def module_dots(self, module_mm: float) -> int:
        dots = int(module_mm * self.dpmm + 1e-9)
        if dots < 1:
            raise self.wrong(
                f"a module of {module_mm:g} mm is smaller than the printer's dot",
                "make module_mm larger",
            )
        return dots

    def text(self, template: str) -> str:
        return compiled(template, self.layout.name, self.name).evaluate(self.context)

    def wrong(self, problem: str, mend: str) -> LabelError:
        return LabelError(problem, mend, file=self.layout.name, field=self.name)


def _operation(element: Element, site: _Site) -> Operation | None:
    try:
        match element:
            case TextElement():
                return _text(element, site)
            case Gs1DataMatrixElement():
                return _data_matrix(element, site)
            case Gs1128SsccElement():
                return _gs1_128(element, site)
            case BoxElement():
                x, y = site.dots(element.x_mm), site.dots(element.y_mm)
                width = max(1, site.dots(element.width_mm))
                height = max(1, site.dots(element.height_mm))
                return DrawBox(x, y, width, height, max(1, site.dots(element.line_mm)))
    except gs1.Gs1Error as error:
        raise site.wrong(str(error), "correct the data") from None


def _text(element: TextElement, site: _Site) -> DrawText | None:
    text = fonts.composed(site.text(element.text))
    if not text:
        return None
    if unknown := fonts.unknown_characters(text):
        told = ", ".join(f"U+{ord(character):04X}" for character in unknown[:5])
        raise site.wrong(
            f"the printer's font does not have {told}", "write it with Latin letters and signs"
        )
    height = site.dots(element.size_mm)
    if height < fonts.MIN_HEIGHT_DOTS:
        raise site.wrong(
            f"a font of {height} dots is smaller than the printer's smallest",
            f"make size_mm at least {fonts.MIN_HEIGHT_DOTS / site.dpmm:.2f}",
        )
    width = fonts.width_dots(text, height)
    space = int(element.max_width_mm * site.dpmm + 1e-9)
    if width > space:
        shown = text if len(text) <= 40 else text[:37] + "..."
        raise TextTooLongError(
            f"{shown!r} needs {width / site.dpmm:.1f} mm, the limit is {element.max_width_mm:g} mm",
            "shorten the text, or make size_mm smaller or max_width_mm larger",
            file=site.layout.name,
            field=site.name,
            measured_mm=width / site.dpmm,
            limit_mm=element.max_width_mm,
        )
    offset = {"left": 0, "center": (space - width) // 2, "right": space - width}[element.align]
    return DrawText(site.dots(element.x_mm) + offset, site.dots(element.y_mm), height, width, text)


def _data_matrix(element: Gs1DataMatrixElement, site: _Site) -> DrawDataMatrix:
    pairs = gs1.trade_item(
        site.text(element.gtin),
        site.text(element.serial),
        None if element.lot is None else site.text(element.lot),
        None if element.expiry is None else site.text(element.expiry),
    )
    modules = symbols.data_matrix_modules(gs1.element_string(pairs))
    x, y = site.dots(element.x_mm), site.dots(element.y_mm)
    module = site.module_dots(element.module_mm)
    return DrawDataMatrix(x, y, module, modules, pairs)


def _gs1_128(element: Gs1128SsccElement, site: _Site) -> DrawGs1128:
    sscc = gs1.checked_sscc(site.text(element.sscc))
    x, y = site.dots(element.x_mm), site.dots(element.y_mm)
    height = max(1, site.dots(element.height_mm))
    return DrawGs1128(x, y, site.module_dots(element.module_mm), height, sscc)


def _check_symbols(drawing: Drawing, named: list[tuple[str, Operation]], file: str) -> None:
    """A symbol that is cut off or covered cannot be read: better no label than such a one."""
    for name, symbol in named:
        if not isinstance(symbol, _Symbol):
            continue
        (own,) = symbol.areas
        if own.left < 0 or own.top < 0 or own.right > drawing.width or own.bottom > drawing.height:
            raise LabelError(
                f"with its quiet zone it reaches to {own.right / drawing.dpmm:.1f} x "
                f"{own.bottom / drawing.dpmm:.1f} mm, beyond the label",
                "move it, make module_mm smaller or its data shorter",
                file=file,
                field=name,
            )
        for other_name, other in named:
            if other is not symbol and any(own.overlaps(area) for area in other.areas):
                raise LabelError(
                    f"with its quiet zone it overlaps {other_name}",
                    "move one of them, make module_mm smaller or its data shorter",
                    file=file,
                    field=name,
                )
