"""What state a release is in, and what leads from one to another: one table. Pure.

draft       its files are here; nobody has signed it, so no station can run it
approved    signed; stations may be asked to run it
challenger  approved, and tried against the champion
champion    what the site's stations are to run; there is one at a time
retired     nobody is asked to run it any more; it may be approved anew
recalled    no longer signed: stations refuse it, also to go back to it; this is for good
"""

from collections.abc import Mapping
from typing import Final, Literal

ReleaseState = Literal["draft", "approved", "challenger", "champion", "retired", "recalled"]
ReleaseAct = Literal["approve", "challenge", "promote", "replace", "retire", "recall"]
"""What is done to a release; `replace` is what happens to the champion when another becomes it."""

TABLE: Final[Mapping[tuple[ReleaseState, ReleaseAct], ReleaseState]] = {
    ("draft", "approve"): "approved",
    ("draft", "retire"): "retired",
    ("draft", "recall"): "recalled",
    ("approved", "challenge"): "challenger",
    ("approved", "promote"): "champion",
    ("approved", "retire"): "retired",
    ("approved", "recall"): "recalled",
    ("challenger", "promote"): "champion",
    ("challenger", "approve"): "approved",
    ("challenger", "retire"): "retired",
    ("challenger", "recall"): "recalled",
    # What stations go back to stays approved. A champion is retired by making another one.
    ("champion", "replace"): "approved",
    ("champion", "recall"): "recalled",
    ("retired", "approve"): "approved",
    ("retired", "recall"): "recalled",
}
"""Where each act leads; what is not here cannot be done."""

USABLE: Final[frozenset[ReleaseState]] = frozenset(("approved", "challenger", "champion"))
"""Stations may be asked to run these."""


def after(state: ReleaseState, act: ReleaseAct) -> ReleaseState | None:
    """The state that an act leads to; None where it cannot be done."""
    return TABLE.get((state, act))


def acts(state: ReleaseState) -> tuple[ReleaseAct, ...]:
    """What a person can do to a release in a state."""
    return tuple(act for (held, act) in TABLE if held == state and act != "replace")
