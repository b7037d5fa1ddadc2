"""The label configuration of a Label Studio project: which labels there are, what a box can be.

Its names are the ones by which `exporting` and `importing` know each other's regions. Making the
project, and drawing, are left to Label Studio and to people.
"""

import colorsys
from collections.abc import Sequence
from xml.etree import ElementTree

from beltmark.datasets.label_studio.words import (
    FLAGS,
    FLAGS_CONTROL,
    IMAGE,
    LABEL,
    NONE_OF_THESE,
    UNSURE,
)

_GOLDEN_TURN = 0.618_033_988_75
"""Steps of this along the circle of colours stay far from each other, however many they are."""


def label_config(class_names: Sequence[str]) -> str:
    """Returns the configuration as XML.

    Whatever the names are, they are values of attributes and nothing else.

    Args:
        class_names: Checked by `check_labels`; "none of these" is added where it is missing.
    """
    view = ElementTree.Element("View")
    ElementTree.SubElement(
        view, "Image", name=IMAGE, value=f"${IMAGE}", zoom="true", zoomControl="true"
    )
    # Boxes can't be turned: COCO has no place for it. Smart ones ask a backend, where there is one.
    labels = ElementTree.SubElement(
        view, "RectangleLabels", name=LABEL, toName=IMAGE, canRotate="false", strokeWidth="2",
        smart="true",
    )  # fmt: skip
    for index, name in enumerate(dict.fromkeys((*class_names, NONE_OF_THESE))):
        ElementTree.SubElement(labels, "Label", value=name, background=_colour(index))
    ElementTree.SubElement(
        labels,
        "Label",
        value=UNSURE,
        background="#8a8a8a",
        hint="Something that can't be told: nothing is judged in this region",
    )
    flags = ElementTree.SubElement(
        view, "Choices", name=FLAGS_CONTROL, toName=IMAGE, perRegion="true", choice="multiple"
    )
    for flag in FLAGS:
        ElementTree.SubElement(flags, "Choice", value=flag)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def _colour(index: int) -> str:
    red, green, blue = colorsys.hls_to_rgb(index * _GOLDEN_TURN % 1, 0.5, 0.75)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
