"""The protocol of Label Studio's model backends, and its webhook, over HTTP.

`/health`, `/setup`, `/predict`, `/webhook`: as Label Studio 1.23 asks. Looking is left to
`answering`; what follows an event, to who gave `on_event`.
"""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from beltmark.contract.errors import InputError
from labeling.backend.answering import Answering, Busy
from labeling.backend.bounds import Door
from labeling.backend.forms import Event, Predict, Setup
from labeling.project_config import class_names_of
from labeling.registering import ACTIONS, Caller
from labeling.studio.wire import one_line

_NO_MODEL: Final = "no champion here: start it with --package"


def create_app(
    caller: Caller,
    answering: Answering | None = None,
    on_event: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Makes the app.

    Args:
        caller: Who may ask.
        answering: What looks at tasks; without it there is only the webhook.
        on_event: Is told, at once, that annotations or tasks have changed. It must not wait: Label
            Studio lets a person wait for the answer.
    """
    app = FastAPI(title="Beltmark champion", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Door, authorization=caller.authorization)
    version = answering.version if answering else ""

    @app.exception_handler(InputError)
    async def refuse(_: Request, error: InputError) -> JSONResponse:
        return JSONResponse({"detail": one_line(error)}, 422)

    @app.exception_handler(RequestValidationError)
    async def correct(_: Request, error: RequestValidationError) -> JSONResponse:
        # Without what came: it may be long, hold a token, or be no text at all.
        told = [{"loc": one_line(each["loc"]), "msg": each["msg"]} for each in error.errors()[:10]]
        return JSONResponse({"detail": told}, 422)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "UP", "model_class": "Beltmark", "model_version": version}

    @app.post("/setup")
    async def setup(asked: Setup) -> dict[str, Any]:
        if answering is None:
            raise HTTPException(404, _NO_MODEL)
        class_names_of(asked.schema_xml, "schema")  # refuses a project that is none of ours
        return {"model_version": version}

    @app.post("/predict")
    async def predict(asked: Predict) -> dict[str, Any]:
        if answering is None:
            raise HTTPException(404, _NO_MODEL)
        context = asked.params.context if asked.params else None
        data = [task.data for task in asked.tasks]
        drawn = (context.result if context else None) or []
        try:
            results = await run_in_threadpool(answering.predict, data, asked.label_config, drawn)
        except Busy:
            raise HTTPException(503, "others ask as well", {"Retry-After": "5"}) from None
        return {"results": results, "model_version": version}

    @app.post("/webhook")
    async def webhook(event: Event) -> dict[str, Any]:
        if event.action in ACTIONS:
            on_event()
        return {}

    return app
