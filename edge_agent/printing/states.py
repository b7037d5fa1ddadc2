"""The states of a printed label and the ways between them, as one table. Who moves them: `spooler`.

decided   committed with the item's decision
queued    waits for the printer
sending   the counter's baseline is committed; bytes may leave from now on
sent      all bytes have left
printed   came out, as far as this printer can tell
unknown   may or may not have come out; evidence is looked for, the item goes to a person
failed    surely did not come out and never will
late      was not sent in time and never will be
"""

from beltmark.contract.messages import PrintState

TRANSITIONS: dict[PrintState, frozenset[PrintState]] = {
    # Straight to sending where "queued" could not be written while the disk was full.
    "decided": frozenset({"queued", "sending", "failed", "late"}),
    "queued": frozenset({"sending", "failed", "late"}),
    # Back to queued, or late, only while not one byte has left.
    "sending": frozenset({"sent", "unknown", "queued", "late"}),
    "sent": frozenset({"printed", "unknown"}),
    # Back to queued only on proof that nothing came out, and while its item is still there.
    "unknown": frozenset({"printed", "failed", "queued"}),
    "printed": frozenset(),
    "failed": frozenset(),
    "late": frozenset(),
}

FINAL: frozenset[PrintState] = frozenset(s for s, ways in TRANSITIONS.items() if not ways)
"""States that are never left."""

IN_PRINTER: frozenset[PrintState] = frozenset({"sending", "sent", "unknown"})
"""States in which the printer may hold or have made the label."""


class IllegalTransition(Exception):  # noqa: N818 - it is a mistake of this program, not of input
    """A way that the table does not have."""

    def __init__(self, item_id: str, before: PrintState, after: PrintState) -> None:
        super().__init__(f"label of item {item_id}: {before} does not lead to {after}")


def check_transition(item_id: str, before: PrintState, after: PrintState) -> None:
    """Raises IllegalTransition unless the table leads from `before` to `after`."""
    if after not in TRANSITIONS[before]:
        raise IllegalTransition(item_id, before, after)
