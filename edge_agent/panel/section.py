"""`[panel]` of the station file."""

import ipaddress
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from edge_agent.section import Section


class PanelSection(Section):
    """`[panel]`; without it, the station has no page of its own.

    Attributes:
        host: IP address to listen on; the station's own screen needs no other than the default.
        port: TCP port.
        pin_file: File that holds the PIN that people must give; whoever can reach the panel prints
            labels, so one that listens to others must have one.
    """

    host: Annotated[str, Field(max_length=64)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8080
    pin_file: Path | None = None

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        try:
            is_own = ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            raise ValueError(f"host must be an IP address, but it is {self.host!r}") from None
        if not is_own and self.pin_file is None:
            raise ValueError("a panel that others can reach needs a pin_file")
        return self
