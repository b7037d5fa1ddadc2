"""What a decision was weighed by, as the journal keeps it: JSON, passed over where it is unusable.

Fields that a later version adds are ignored. Where it is kept is left to `schema`.
"""

import logging

from pydantic import TypeAdapter, ValidationError

from beltmark.contract.records import Candidate
from edge_agent.station.weighing import Weighing

logger = logging.getLogger(__name__)

BY_HAND = "by_hand"
"""The rule of an item that a person decided on."""

_WEIGHINGS = TypeAdapter(Weighing)


def weighing_text(weighing: Weighing) -> str:
    """Returns it as JSON."""
    return _WEIGHINGS.dump_json(weighing).decode()


def read_weighing(text: str | None) -> Weighing | None:
    """Reads it back; None where nothing was recorded, or nothing that can be used."""
    if text is None:
        return None
    try:
        return _WEIGHINGS.validate_json(text)
    except ValidationError as error:
        logger.debug("evidence in the journal is passed over: %s", error)
        return None


def order_of(text: str | None, rule: str) -> dict[str, str | None]:
    """Returns what messages say of the order that an item was decided by: nothing where by none."""
    weighing = read_weighing(text)
    line = None if weighing is None else weighing.line
    if line is None or rule == BY_HAND:  # a person decided anew, by what stands elsewhere
        return {}
    expiry = None if line.expiry is None else line.expiry.isoformat()
    return {"order_id": line.order_id, "lot": line.lot, "expiry": expiry}


def candidates_of(text: str | None) -> tuple[Candidate, ...] | None:
    """Returns the ranked candidates as messages name them; None where they were not recorded."""
    weighing = read_weighing(text)
    if weighing is None:
        return None
    return tuple(
        Candidate(class_name=c.class_name[:200], probability=min(1.0, max(0.0, c.probability)))
        for c in weighing.candidates
    )
