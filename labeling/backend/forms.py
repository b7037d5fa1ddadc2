"""What Label Studio sends a model backend, as far as it is read; everything is bounded.

From `label_studio/ml/api_connector.py` of Label Studio 1.23. With `/setup` it also sends the token
of the project's owner: it is not read, we have one of our own.
"""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

MAX_TASKS: Final = 1_000
MAX_CONFIG: Final = 4_000_000

Config = Annotated[str, Field(max_length=MAX_CONFIG)]


class Form(BaseModel):
    """A part of a request; more in it does no harm."""

    model_config = ConfigDict(extra="ignore")


class Setup(Form):
    """Body of `/setup`: a project begins to use the model, or asks whether it still can."""

    schema_xml: Config = Field(default="", alias="schema")


class AskedTask(Form):
    """A task to look at."""

    data: dict[str, Any]


class Drawn(Form):
    """What somebody has drawn just now, by which they ask."""

    result: Annotated[list[dict[str, Any]], Field(max_length=1_000)] | None = None


class Parameters(Form):
    """What is to be known besides."""

    context: Drawn | None = None


class Predict(Form):
    """Body of `/predict`."""

    tasks: Annotated[list[AskedTask], Field(min_length=1, max_length=MAX_TASKS)]
    label_config: Config
    params: Parameters | None = None


class Event(Form):
    """Body of `/webhook`."""

    action: Annotated[str, Field(max_length=200)]
