"""Holds a printer's own words against the printer that labels are drawn and timed for. Pure.

What is set at each connection is asked as well: a printer that cannot do it keeps another value.
Asking is left to `zebra`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

MM_PER_INCH = 25.4

Mode = Literal["tear", "peel", "applicator", "rewind", "cutter"]
Stock = Literal["gap", "mark", "continuous"]

# What a printer says of these, whatever the firmware's spelling.
_MODES: dict[Mode, str] = {
    "tear": "tear",
    "peel": "peel",
    "applicator": "applicator",
    "rewind": "rewind",
    "cutter": "cut",
}
_STOCKS: dict[Stock, str] = {"gap": "gap", "mark": "mark", "continuous": "continuous"}


@dataclass(frozen=True)
class Profile:
    """The printer that labels are drawn and timed for; None leaves a thing unasked.

    Attributes:
        dpmm: Dots per millimetre of its head.
        width_mm: Width of its stock: no label is wider.
        print_speed_in_s: Print speed, in whole inches a second, as its language has it.
        firmware: How its firmware's name begins.
        mode: What happens to a label that is out.
        stock: How labels follow each other.
    """

    dpmm: int | None = None
    width_mm: float | None = None
    print_speed_in_s: int | None = None
    firmware: str | None = None
    mode: Mode | None = None
    stock: Stock | None = None

    @property
    def width_dots(self) -> int | None:
        """Its width in dots of its head."""
        if self.width_mm is None or self.dpmm is None:
            return None
        return round(self.width_mm * self.dpmm)

    @property
    def settings(self) -> str:
        """What is set at each connection, in ZPL; lasts until power-off."""
        speed = "" if self.print_speed_in_s is None else f"^PR{self.print_speed_in_s}"
        return speed + ("" if self.width_dots is None else f"^PW{self.width_dots}")


@dataclass(frozen=True)
class Question:
    """One thing that a printer is asked.

    Attributes:
        subject: What it is about, for people.
        variable: Name of the printer's variable (SGD).
        differs: Says how an answer differs from the profile; empty when it doesn't, None when the
            answer says nothing.
    """

    subject: str
    variable: str
    differs: Callable[[str], str | None]


def questions(profile: Profile) -> Iterator[Question]:
    """Yields what is to be asked."""
    if (dpmm := profile.dpmm) is not None:
        yield Question("resolution", "head.resolution.in_dpi", lambda told: _dpmm(told, dpmm))
    if (speed := profile.print_speed_in_s) is not None:
        yield Question("print speed", "media.speed", lambda told: _speed(told, speed))
    if (width := profile.width_dots) is not None:
        yield Question("width", "ezpl.print_width", lambda told: _width(told, width))
    if (firmware := profile.firmware) is not None:
        yield Question("firmware", "appl.name", lambda told: _firmware(told, firmware))
    if (mode := profile.mode) is not None:
        yield Question("mode", "ezpl.print_mode", lambda told: _word(told, "mode", mode, _MODES))
    if (stock := profile.stock) is not None:
        yield Question(
            "stock", "ezpl.media_type", lambda told: _word(told, "stock", stock, _STOCKS)
        )


def _number(told: str) -> float | None:
    return float(told) if re.fullmatch(r"\d{1,5}(\.\d{1,3})?", told) and float(told) > 0 else None


def _dpmm(told: str, wanted: int) -> str | None:
    if (dpi := _number(told)) is None:
        return None
    dpmm = round(dpi / MM_PER_INCH)
    return "" if dpmm == wanted else f"its head has {dpmm} dots per mm, printer.dpmm says {wanted}"


def _speed(told: str, wanted: int) -> str | None:
    if (speed := _number(told)) is None:
        return None
    if speed == wanted:
        return ""
    return (
        f"it prints at {speed * MM_PER_INCH:.0f} mm/s, printer.profile.print_speed_mm_s says "
        f"{wanted * MM_PER_INCH:.0f}"
    )


def _width(told: str, wanted: int) -> str | None:
    if (width := _number(told)) is None:
        return None
    if width >= wanted:
        return ""
    return f"it prints {width:.0f} dots wide at most, printer.profile.width_mm is {wanted} dots"


def _firmware(told: str, wanted: str) -> str | None:
    if not told or told == "?":
        return None
    if told.startswith(wanted):
        return ""
    return f"its firmware is {told[:40]}, printer.profile.firmware says {wanted}"


def _word(told: str, name: str, wanted: str, known: Mapping[Any, str]) -> str | None:
    if not told or told == "?":
        return None
    if known[wanted] in told.lower():
        return ""
    return f"its {name} is {told[:40]}, printer.profile.{name} says {wanted}"
