"""Which steps of the journal are results for the warehouse system, and what they come to. Pure."""

from typing import Final

from beltmark.contract.records import ItemStep
from beltmark.contract.warehouse import ItemResult, Result

# What happened, and what it comes to where the item stands as it did then.
_RESULTS: Final[dict[str, ItemResult]] = {
    "REVIEW": "reviewed",
    "REJECT": "rejected",
    "label printed": "labelled",
    "label applied": "labelled",
    "label verified": "labelled",
    "label voided": "voided",
    "label diverted": "diverted",
    "diverted": "diverted",
}


def result_of(step: ItemStep, at: float) -> Result | None:
    """Returns what a step means to the warehouse system; None for one on the way to a result.

    Args:
        step: The step.
        at: When it was taken, in seconds since the epoch.
    """
    result = _RESULTS.get(step.what)
    if result is None:
        return None
    if result in ("labelled", "voided") and step.item.outcome == "REVIEW":
        result = "reviewed"  # whatever came out: a person has the item
    key = f"{step.item.item_id}.{step.step}"
    return Result(key=key, step=step.step, at=at, result=result, item=step.item)
