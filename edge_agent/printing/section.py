"""`[printer]` of the station file."""

from pathlib import Path
from typing import Literal, Self

from edge_agent.section import Address, Seconds, Section


class PrinterSection(Section):
    """`[printer]`.

    Attributes:
        address: tcp://host:9100, /dev/usb/lp0, or file:PATH.
        dpmm: Dots per millimetre of its head.
        label_deadline_s: Time after the decision by which a label must have been sent.
        hold_after_s: Time an item needs from the decision line to the applicator: a label that has
            not come out by then holds the belt, so that the item waits under the applicator.
        confirm_timeout_s: Time after sending by which it must have come out.
        confirmation: "counter" asks the printer's label counter; "none" where it cannot be asked.
        holds_belt: Whether the belt stands while the printer takes no labels; otherwise the items
            go to a person meanwhile.
    """

    address: Address
    dpmm: Literal[6, 8, 12, 24] = 8
    label_deadline_s: Seconds = 1.0
    hold_after_s: Seconds = 0.5
    confirm_timeout_s: Seconds = 3.0
    confirmation: Literal["counter", "none"] = "counter"
    holds_belt: bool = True

    def anchored(self, folder: Path) -> Self:
        """A file that takes the labels is relative to the station file's folder."""
        scheme, _, path = self.address.partition("file:")
        if scheme or not path or path.startswith("/"):
            return super().anchored(folder)
        return super().anchored(folder).model_copy(update={"address": f"file:{folder / path}"})
