"""What is written into the journal and read back from it. Writing is left to `journal`."""

from dataclasses import dataclass

from beltmark.contract.catalogue import Product
from beltmark.contract.layout import Layout
from beltmark.contract.terms import Outcome, PrintState
from edge_agent.station.decision import Decision
from edge_agent.station.expected import OrderLine


@dataclass(frozen=True)
class Place:
    """Where an item was in the image at a time, so that it can be found on the belt.

    Attributes:
        x_px: Centre.
        y_px: Centre.
        captured_at: Time of the frame, in seconds since the epoch.
    """

    x_px: float
    y_px: float
    captured_at: float


@dataclass(frozen=True)
class ItemDecision:
    """An item's decision as it is to be committed.

    Attributes:
        item_id: The item.
        decided_at: Seconds since the epoch.
        place: Where it was decided.
        decision: What happens to it.
        release: Name of the release that decided.
        package_sha256: Digest of its model package.
        layout: How that release draws its label; None unless the outcome is PRINT.
    """

    item_id: str
    decided_at: float
    place: Place
    decision: Decision
    release: str
    package_sha256: str
    layout: Layout | None = None


@dataclass(frozen=True)
class LabelItem:
    """An item that gets a label: what its layout may say of it.

    Attributes:
        item_id: The item.
        serial: Unique for ever among the items of this GTIN.
        station: Name of the station.
        decided_at: Seconds since the epoch.
        class_name: The class it was recognised as.
        sscc: Its own for ever, where its layout asks for one.
    """

    item_id: str
    serial: str
    station: str
    decided_at: float
    class_name: str
    sscc: str | None = None


@dataclass(frozen=True)
class LabelOrder:
    """A committed decision to print one label.

    Attributes:
        item: The item.
        product: What it is.
        place: Where it was decided; None for an item that is in a person's hands.
        layout: How the release that decided draws it, whatever release runs by the time when it is
            printed; without it, none is drawn.
        line: The line of the order that it was printed by, if it was.
    """

    item: LabelItem
    product: Product
    place: Place | None
    layout: Layout | None = None
    line: OrderLine | None = None


@dataclass(frozen=True)
class OpenLabel:
    """A label whose end is not known to the journal, found at start-up.

    Attributes:
        item_id: Its item.
        state: How far it had come.
        baseline: The printer's label counter before it was sent, if it came so far.
        place: Where its item was decided; None where a person has it, and the label with it.
        outcome: Its item's outcome; REVIEW where a person has it already.
        copies: How many were to come out.
        printer: Address of the printer that it was to go to, if it came so far.
    """

    item_id: str
    state: PrintState
    baseline: int | None
    place: Place | None
    outcome: Outcome
    copies: int = 1
    printer: str | None = None


@dataclass(frozen=True)
class LastSeen:
    """An item that was in the zone when the journal was last told of positions.

    Attributes:
        item_id: The item.
        place: Where it was.
        size_px: Side of the square with the area of its box.
        class_name: What it looked like, if that was known.
        outcome: Its outcome; None while it was undecided.
    """

    item_id: str
    place: Place
    size_px: float
    class_name: str | None
    outcome: Outcome | None
