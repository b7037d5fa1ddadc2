"""The API's own description (OpenAPI), with the documents that the routes read by themselves."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from beltmark.contract.sample import SampleUpload
from fleet_server.api.problems import Problem

_DOCUMENTS: tuple[type[BaseModel], ...] = (Problem, SampleUpload)


def describe(app: FastAPI) -> dict[str, Any]:
    """The description; it is made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        for document in _DOCUMENTS:
            described = document.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= described.pop("$defs", {}) | {document.__name__: described}
        app.openapi_schema = schema
    return app.openapi_schema
