"""`[printer]` of the station file, with `[printer.profile]` and `[printer.window]`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge_agent.printing.printers.profile import MM_PER_INCH, Mode, Profile, Stock
from edge_agent.printing.window import LabelPath
from edge_agent.section import Address, Seconds, Section

NO_SPARE = "none"

Millimetres = Annotated[float, Field(gt=0, le=10_000)]


class ProfileSection(Section):
    """`[printer.profile]`: the printer that labels are made for; what is left out is not asked.

    Attributes:
        width_mm: Width of the stock; no label may be wider.
        print_speed_mm_s: Print speed; printers have whole inches a second, the nearest is taken.
        first_label_s: Time from the last byte of a label until it begins to come out.
        firmware: How the name of the firmware begins.
        mode: What happens to a label that is out.
        stock: How labels follow each other.
    """

    width_mm: Annotated[float, Field(ge=10, le=250)] | None = None
    print_speed_mm_s: Annotated[float, Field(ge=25, le=360)] | None = None
    first_label_s: Annotated[float, Field(ge=0, le=10)] = 0.0
    firmware: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,39}$")] | None = None
    mode: Mode | None = None
    stock: Stock | None = None

    @property
    def print_speed_in_s(self) -> int | None:
        """The print speed as printers have it, in inches a second."""
        speed = self.print_speed_mm_s
        return None if speed is None else max(1, round(speed / MM_PER_INCH))


class WindowSection(Section):
    """`[printer.window]`: from the decision line to the applicator. With it, a label's times follow
    from the belt's speed, the label's length and the print speed.

    Attributes:
        distance_mm: From the decision line to the applicator, along the belt.
        reach_mm: So far beyond its place the applicator still reaches an item.
        margin_s: What is to be left over.
    """

    distance_mm: Millimetres
    reach_mm: Annotated[float, Field(ge=0, le=10_000)] = 20.0
    margin_s: Annotated[float, Field(ge=0, le=60)] = 0.1


class PrinterSection(Section):
    """`[printer]`.

    Attributes:
        address: tcp://host:9100, /dev/usb/lp0, cups:QUEUE, ipp://host/printers/QUEUE, or file:PATH.
        dpmm: Dots per millimetre of its head.
        label_deadline_s: Time after the decision by which a label must have been sent.
        hold_after_s: Time an item needs from the decision line to the applicator: a label that has
            not come out by then holds the belt, so that the item waits under the applicator.
        confirm_timeout_s: Time after sending by which it must have come out.
        confirmation: "counter" asks the printer's label counter; "none" where it cannot be asked,
            as behind a print queue.
        holds_belt: Whether the belt stands while the printer takes no labels; otherwise the items
            go to a person meanwhile.
        spare: A second printer, or "none": takes the labels while the first is unwell.
        spare_after_s: So long the first must be unwell before that, and well before it takes back.
        profile: What is known of it, and held against what it says.
        window: Where its labels meet the items; without it, the times above are taken.
    """

    address: Address
    dpmm: Literal[6, 8, 12, 24] = 8
    label_deadline_s: Seconds = 1.0
    hold_after_s: Seconds = 0.5
    confirm_timeout_s: Seconds = 3.0
    confirmation: Literal["counter", "none"] = "counter"
    holds_belt: bool = True
    spare: Address = NO_SPARE
    spare_after_s: Seconds = 5.0
    profile: ProfileSection = ProfileSection()
    window: WindowSection | None = None

    def anchored(self, folder: Path) -> Self:
        """A file that takes the labels is relative to the station file's folder."""
        addresses = {"address": self.address, "spare": self.spare}
        return (
            super()
            .anchored(folder)
            .model_copy(update={name: _anchored(told, folder) for name, told in addresses.items()})
        )

    @model_validator(mode="after")
    def _has_two_printers(self) -> Self:
        if self.address == NO_SPARE:
            raise ValueError("address must be a printer; only spare can be none")
        if self.spare == self.address:
            raise ValueError("spare must be another printer than address")
        return self

    @property
    def made_for(self) -> Profile:
        """The printer that labels are drawn and timed for."""
        profile = self.profile
        return Profile(
            dpmm=self.dpmm,
            width_mm=profile.width_mm,
            print_speed_in_s=profile.print_speed_in_s,
            firmware=profile.firmware,
            mode=profile.mode,
            stock=profile.stock,
        )

    @property
    def path(self) -> LabelPath | None:
        """What lies between a decision and its label on the item, where that is known."""
        speed_in_s = self.profile.print_speed_in_s
        if self.window is None or speed_in_s is None:
            return None
        return LabelPath(
            distance_mm=self.window.distance_mm,
            reach_mm=self.window.reach_mm,
            print_speed_mm_s=speed_in_s * MM_PER_INCH,
            first_label_s=self.profile.first_label_s,
            margin_s=self.window.margin_s,
        )


def _anchored(address: str, folder: Path) -> str:
    scheme, _, path = address.partition("file:")
    return address if scheme or not path or path.startswith("/") else f"file:{folder / path}"
