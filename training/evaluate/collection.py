"""The sections of an evaluation, and who makes each: one visible list. A further one is one line.

A section is made from the context alone, and says why where it cannot be.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from beltmark.contract.errors import InputError
from training.evaluate import (
    annotators,
    as_a_station,
    classification,
    detection,
    mistakes,
    openset,
    parity,
    reliability,
    slices,
    speed,
)
from training.evaluate.context import Context, LeftOut
from training.evaluate.section import Section

Maker = Callable[[Context], Section | Sequence[Section] | LeftOut]

SECTIONS: Final[Mapping[str, Maker]] = {
    detection.KEY: detection.section,
    classification.KEY: classification.section,
    slices.KEY: slices.section,
    reliability.KEY: reliability.section,
    openset.KEY: openset.section,
    parity.KEY: parity.section,
    speed.KEY: speed.section,
    as_a_station.ITEMS_KEY: as_a_station.items,
    as_a_station.ROBUSTNESS_KEY: as_a_station.robustness,
    annotators.KEY: annotators.section,
    mistakes.KEY: mistakes.section,
}
"""In the order of the page."""


@dataclass(frozen=True)
class Collected:
    """What an evaluation has to say.

    Attributes:
        sections: In order.
        left_out: By key, why there is no such section.
    """

    sections: tuple[Section, ...]
    left_out: Mapping[str, str]


def choose(only: Collection[str] = (), skip: Collection[str] = ()) -> tuple[str, ...]:
    """Returns the keys of the sections that are wanted; all, unless some are named.

    Raises:
        InputError: No section has such a key, or none is left.
    """
    for option, keys in (("--only", only), ("--skip", skip)):
        for key in keys:
            if key not in SECTIONS:
                raise InputError(
                    f"{key!r} is no section", f"known are {', '.join(SECTIONS)}", field=option
                )
    chosen = tuple(key for key in SECTIONS if (not only or key in only) and key not in skip)
    if not chosen:
        raise InputError("no section is left", "skip fewer", field="--skip")
    return chosen


def collect(
    context: Context, keys: Collection[str], on_section: Callable[[str], None] = lambda _: None
) -> Collected:
    """Makes the sections.

    Args:
        context: What they look at.
        keys: Of those that are wanted, in order.
        on_section: Called with the key of each when it is done.
    """
    sections: list[Section] = []
    left_out: dict[str, str] = {}
    for key in keys:
        made = SECTIONS[key](context)
        if isinstance(made, LeftOut):
            left_out[key] = made.reason
        elif isinstance(made, Section):
            sections.append(made)
        else:
            sections += made
        on_section(key)
    return Collected(tuple(sections), left_out)
