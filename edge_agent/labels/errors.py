"""Why a label is not drawn. The station treats each as "no label for this item", never as one."""

from dataclasses import dataclass

from beltmark.contract.errors import InputError


@dataclass(eq=False)
class LabelError(InputError):
    """A label cannot be drawn with these values; `file` is the layout, `field` the element."""


@dataclass(eq=False)
class TextTooLongError(LabelError):
    """A text needs more space than its element has; it is never cut.

    Attributes:
        measured_mm: The space it needs.
        limit_mm: The space there is.
    """

    measured_mm: float = 0.0
    limit_mm: float = 0.0
