"""`[orders]` of the station file."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from edge_agent.section import Address, Seconds, Section


class OrdersSection(Section):
    """`[orders]`; without it, the station goes by no order.

    Attributes:
        source: A CSV or JSON file, or http://… or https://….
        poll_s: How often it is asked whether there is another.
        stale_after_s: Time without an answer after which the order counts as old, and is told so;
            it is gone by nevertheless.
    """

    source: Address
    poll_s: Seconds = 5.0
    stale_after_s: Annotated[float, Field(gt=0, le=604_800)] = 600.0

    def anchored(self, folder: Path) -> Self:
        """See `Section.anchored`."""
        if self.is_http:
            return self
        return self.model_copy(update={"source": str(folder / self.source)})

    @property
    def is_http(self) -> bool:
        """Whether it is asked over HTTP."""
        return self.source.startswith(("http://", "https://"))

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        is_file = "://" not in self.source and self.source.lower().endswith((".csv", ".json"))
        if not (self.is_http or is_file):
            raise ValueError("source must be a .csv or .json file, or http://… or https://…")
        return self
