"""`[serials]` of the station file."""

from typing import Annotated

from pydantic import Field

from beltmark.contract.serials import MAX_LEASE
from edge_agent.section import Section

LeaseSize = Annotated[int, Field(ge=1, le=MAX_LEASE)]


class SerialsSection(Section):
    """`[serials]`.

    Attributes:
        leased: Whether labels are numbered in ranges that the fleet's server gives; otherwise in a
            random series of the journal's own.
        lease_size: How many serials it asks for at a time; it holds two such ranges ahead.
        sscc_lease_size: Likewise for SSCCs, where a layout asks for one.
        warn_before_h: Hours before it runs out, at the present rate, from which that is told.
    """

    leased: bool = False
    lease_size: LeaseSize = 100_000
    sscc_lease_size: LeaseSize = 1_000
    warn_before_h: Annotated[float, Field(gt=0, le=10_000)] = 8.0
