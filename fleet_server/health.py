"""How a server says that it is; what asks and answers over HTTP is left to `served` and `api`."""

from typing import Literal

from pydantic import BaseModel


class Health(BaseModel):
    """How the server is.

    Attributes:
        status: What it amounts to.
        problems: What is wrong.
        hears_devices: Whether what it tells of devices is of now.
        started_at: When it started, in seconds since the epoch.
    """

    status: Literal["ok", "degraded"]
    problems: list[str]
    hears_devices: bool
    started_at: float
