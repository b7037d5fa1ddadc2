"""What a station tells the warehouse system: what became of each item; and what that answers.

A result is posted until it is acknowledged by its key. The same key is the same result, however
often it comes; of an item's results, the one with the highest step counts.
"""

from typing import Annotated, Literal

from pydantic import Field

from beltmark.contract.records import ItemMessage
from beltmark.contract.terms import Part, Sequence, Time, Word
from beltmark.contract.wire import Message

MAX_RESULTS = 50

ItemResult = Literal["labelled", "reviewed", "diverted", "rejected", "voided"]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,99}$")]


class Result(Part):
    """What became of an item.

    Attributes:
        key: Identity of this result, for ever: the item's and the step's.
        step: Number of what happened, in the station's journal; they only grow.
        at: When it happened, in seconds since the epoch, by the station's clock.
        result: What it comes to.
        item: The item as it stands.
    """

    key: Key
    step: Sequence
    at: Time
    result: ItemResult
    item: ItemMessage


class ResultBatch(Message):
    """The body that is posted.

    Attributes:
        station: Who posts it.
        results: In the order in which they came about.
    """

    station: Word
    results: Annotated[tuple[Result, ...], Field(min_length=1, max_length=MAX_RESULTS)]


class Acknowledgement(Part):
    """The answer, with a status of 200 to 299.

    Attributes:
        acknowledged: Keys of the results that it has for good, whether or not it had them before.
        refused: Why it will not take others, by key.
    """

    acknowledged: Annotated[tuple[Key, ...], Field(max_length=10 * MAX_RESULTS)]
    refused: Annotated[dict[Key, str], Field(max_length=10 * MAX_RESULTS)] = Field(
        default_factory=dict
    )
