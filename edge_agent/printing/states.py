"""The states of a label and the ways between them, as one table. Moving them is left to others.

The spooler moves them until the printer has done with the label:

decided   committed with the item's decision
queued    waits for the printer
sending   the counter's baseline is committed; bytes may leave from now on
sent      all bytes have left
printed   came out, as far as this printer can tell
unknown   may or may not have come out; evidence is looked for, the item goes to a person
failed    surely did not come out and never will
late      was not sent in time and never will be

What came after is told by applicator, scanner, divert or a person, see `Journal.confirm`:

applied   the applicator says that it is on the item
verified  it was read back on the item
voided    its serial is void: whatever bears it, bears no valid label
diverted  its item is off the belt, confirmed: whatever came out is with a person as well
"""

from typing import Literal, get_args

from beltmark.contract.terms import LabelState, PrintState

TRANSITIONS: dict[LabelState, frozenset[LabelState]] = {
    # Straight to sending where "queued" could not be written while the disk was full.
    "decided": frozenset({"queued", "sending", "failed", "late"}),
    "queued": frozenset({"sending", "failed", "late"}),
    # Back to queued, or late, only while not one byte has left.
    "sending": frozenset({"sent", "unknown", "queued", "late"}),
    "sent": frozenset({"printed", "unknown"}),
    # Back to queued only on proof that nothing came out, and while its item is still there.
    "unknown": frozenset({"printed", "failed", "queued", "voided", "diverted"}),
    "printed": frozenset({"applied", "verified", "voided", "diverted"}),
    "applied": frozenset({"verified", "voided", "diverted"}),
    "verified": frozenset({"voided"}),
    "failed": frozenset({"voided", "diverted"}),
    "late": frozenset({"voided", "diverted"}),
    # To and fro, but once: a label is voided once, and its item diverted once, in either order.
    "voided": frozenset({"diverted"}),
    "diverted": frozenset({"voided"}),
}

Confirmed = Literal["applied", "verified", "diverted"]
"""What others than the printer confirm; `voided` is declared, with a name to it."""

UNSETTLED: frozenset[LabelState] = frozenset({"decided", "queued", "sending", "sent", "unknown"})
"""States in which the spooler has still to do with a label. It leaves them for good: a label that
came to another state never comes back to one of these, so nothing of it is ever sent again. Of
`unknown` the spooler may let go as well, see `Journal.close_label`."""

SETTLED: frozenset[LabelState] = frozenset(TRANSITIONS) - UNSETTLED
"""States in which the printer has done with a label: it is closed, and no start looks for it."""

SURELY_NOT_OUT: frozenset[LabelState] = frozenset({"failed", "late"})
"""States of a label of which nothing came out, and never will."""

IN_PRINTER: frozenset[LabelState] = frozenset({"sending", "sent", "unknown"})
"""States in which the printer may hold or have made the label."""

PRINT_STATES: tuple[PrintState, ...] = get_args(PrintState)
"""The states that every version of the contract knows: a label's newest of them is told as its
`print_state`, whatever has come after."""


class IllegalTransition(Exception):  # noqa: N818 - it is a mistake of this program, not of input
    """A way that the table does not have."""

    def __init__(self, item_id: str, before: LabelState, after: LabelState) -> None:
        super().__init__(f"label of item {item_id}: {before} does not lead to {after}")


def check_transition(item_id: str, before: LabelState, after: LabelState) -> None:
    """Raises IllegalTransition unless the table leads from `before` to `after`."""
    if after not in TRANSITIONS[before]:
        raise IllegalTransition(item_id, before, after)
