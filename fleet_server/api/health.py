"""Tells whoever asks whether the server is well; a monitor needs no token for it."""

from fastapi import APIRouter, Response

from fleet_server.api.context import ApiContext
from fleet_server.health import Health


def health_routes(context: ApiContext) -> APIRouter:
    """The route of the server's health."""
    router = APIRouter(prefix="/api/v1/health", tags=["health"])

    @router.get(
        "",
        summary="Whether the server is well, and what is wrong if not",
        responses={503: {"model": Health, "description": "Something is wrong"}},
    )
    def health(response: Response) -> Health:
        troubles = context.troubles()
        response.status_code = 503 if troubles else 200
        return Health(
            status="degraded" if troubles else "ok",
            problems=[trouble.what for trouble in troubles],
            hears_devices=not any(trouble.is_blinding for trouble in troubles),
            started_at=context.started_at,
        )

    return router
