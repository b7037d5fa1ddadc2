"""Lets a drawing into a page: inline where it is plain shapes and text, else as a picture.

Inline it follows the page's colours. What it says may come from anywhere, so only shapes and a few
attributes are let through; a drawing with anything else is shown as a picture, where nothing runs.
"""

import re
from typing import Final
from xml.etree import ElementTree

from markupsafe import Markup

MAX_INLINE_BYTES: Final = 512 * 1024
_NAMESPACE: Final = "{http://www.w3.org/2000/svg}"
_TAG_NAMES: Final = """
    svg g path rect line circle ellipse polyline polygon text tspan title desc"""
_ATTRIBUTE_NAMES: Final = """
    class role aria-label aria-hidden viewBox preserveAspectRatio width height
    x y dx dy x1 y1 x2 y2 cx cy r rx ry d points transform opacity
    fill fill-opacity stroke stroke-width stroke-opacity stroke-dasharray stroke-linecap
    stroke-linejoin text-anchor font-size font-weight font-family dominant-baseline"""
_TAGS: Final = frozenset(_TAG_NAMES.split())
_ATTRIBUTES: Final = frozenset(_ATTRIBUTE_NAMES.split())
_PAINT: Final = frozenset(("fill", "stroke"))
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]{1,32}")


def inline_svg(content: bytes, title: str) -> Markup | None:
    """Returns a drawing as markup for a page, or None where it is to be shown as a picture.

    Args:
        content: An SVG file.
        title: For whoever does not see it, where the drawing itself does not say it.
    """
    if len(content) > MAX_INLINE_BYTES or b"<!" in content.replace(b"<!--", b""):
        return None  # a document type can declare entities that grow without end
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return None
    if root.tag.removeprefix(_NAMESPACE) != "svg" or not _is_plain(root):
        return None
    if "aria-label" not in root.attrib:
        root.set("aria-label", title)
    root.set("role", "img")
    return _written(root)


def _is_plain(root: ElementTree.Element) -> bool:
    for element in root.iter():
        if not isinstance(element.tag, str):
            return False
        if element.tag.removeprefix(_NAMESPACE) not in _TAGS:
            return False
        for name, value in element.attrib.items():
            if name.startswith(("{", "data-")):
                continue  # left out below
            if name not in _ATTRIBUTES or (name in _PAINT and not _COLOUR.fullmatch(value)):
                return False
    return True


def _written(element: ElementTree.Element) -> Markup:
    tag = Markup(element.tag.removeprefix(_NAMESPACE))  # one of _TAGS
    attributes = Markup("").join(
        Markup(' {}="{}"').format(Markup(name), value)
        for name, value in element.attrib.items()
        if name in _ATTRIBUTES
    )
    if tag in ("text", "tspan") and "fill" in element.attrib:
        # The page's own colour of text would win over the attribute.
        attributes += Markup(' style="fill:{}"').format(element.attrib["fill"])
    inner = Markup.escape(element.text or "")
    for child in element:
        inner += _written(child) + Markup.escape(child.tail or "")
    return Markup("<{}{}>{}</{}>").format(tag, attributes, inner, tag)
