"""Tells whoever asks whether the server is well; a monitor needs no token for it."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from fleet_server.api.context import ApiContext


class Health(BaseModel):
    """How the server is.

    Attributes:
        status: What it amounts to.
        problems: What is wrong.
        started_at: When it started, in seconds since the epoch.
    """

    status: Literal["ok", "degraded"]
    problems: list[str]
    started_at: float


def health_routes(context: ApiContext) -> APIRouter:
    """The route of the server's health."""
    router = APIRouter(prefix="/api/v1/health", tags=["health"])

    @router.get(
        "",
        summary="Whether the server is well, and what is wrong if not",
        responses={503: {"model": Health, "description": "Something is wrong"}},
    )
    def health(response: Response) -> Health:
        problems = context.problems()
        response.status_code = 503 if problems else 200
        return Health(
            status="degraded" if problems else "ok",
            problems=problems,
            started_at=context.started_at,
        )

    return router
